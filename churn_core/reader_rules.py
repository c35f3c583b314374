"""How text stands for numbers, dates and missing values, and how a text file is laid out.

The rules are declared in the configuration's ``reader`` section and kept in the bundle. Nothing is guessed
after ``churn init``: training, files of customers and single records all follow the same rules.
"""

from __future__ import annotations

import codecs
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def text_encoding(name: str) -> str | None:
    """Return Python's own name of a text encoding that can be read in pieces; None if it has no such one."""
    try:
        known = codecs.lookup(name)
    except (LookupError, ValueError):
        return None
    is_text = getattr(known, "_is_text_encoding", True) and known.incrementaldecoder is not None
    return known.name if is_text else None


@dataclass(frozen=True, slots=True)
class TextRules:
    """The meaning of text cells, the same in CSV files, Parquet files, JSON lines and records.

    Parameters
    ----------
    decimal : str
        The decimal mark of numbers in text: a point or a comma.
    thousands : str or None
        The mark between groups of three digits.
    missing_tokens : tuple of str
        Texts that stand for a missing value in number and date columns, compared without the case of A to Z
        and without surrounding blanks. Categories keep such a text as a value of their own.
    date_formats : tuple of (str, str)
        A column and the format of its dates, such as ``DD.MM.YYYY``. Other columns have ISO 8601 dates.
    """

    decimal: str = "."
    thousands: str | None = None
    missing_tokens: tuple[str, ...] = ()
    date_formats: tuple[tuple[str, str], ...] = ()

    def date_format(self, column: str) -> str | None:
        """Return the format of a column's dates; None for ISO 8601."""
        return dict(self.date_formats).get(column)


@dataclass(frozen=True, slots=True)
class Dialect:
    """The layout of a CSV file.

    Parameters
    ----------
    delimiter : str
        One ASCII character between cells.
    quote : str
        One ASCII character around cells that hold a delimiter, a line break or a quote, doubled in them.
    encoding : str
        A name that Python knows, such as ``utf-8``, ``utf-16`` or ``cp1252``.
    header_line : int
        The line of the column names, from 1; lines above it are ignored.
    """

    delimiter: str = ","
    quote: str = '"'
    encoding: str = "utf-8"
    header_line: int = 1


@dataclass(frozen=True, slots=True)
class ReaderRules:
    """The ``reader`` section: the meaning of text cells, and the layout of CSV files."""

    text: TextRules = TextRules()
    dialect: Dialect = Dialect()

    def to_dict(self) -> dict[str, Any]:
        """Return the rules as plain JSON types, for `from_dict`."""
        text = asdict(self.text)
        return {
            **asdict(self.dialect),
            **text,
            "missing_tokens": list(self.text.missing_tokens),
            "date_formats": dict(self.text.date_formats),
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> ReaderRules:
        """Build the rules from the result of `to_dict`.

        Raises
        ------
        KeyError, TypeError
            If `content` is not a result of `to_dict`.
        """
        return cls(
            TextRules(
                decimal=content["decimal"],
                thousands=content["thousands"],
                missing_tokens=tuple(content["missing_tokens"]),
                date_formats=tuple(content["date_formats"].items()),
            ),
            Dialect(
                delimiter=content["delimiter"],
                quote=content["quote"],
                encoding=content["encoding"],
                header_line=content["header_line"],
            ),
        )
