"""Numbers in text: the marks, signs and missing tokens that a data contract declares.

`churn_core.scoring.files.sql.numbers` states the same rules for DuckDB; property tests compare the two.
"""

from __future__ import annotations

import math
import re
import string
from typing import TYPE_CHECKING, Final

from churn_core.reader_rules import TextRules
from churn_core.schema import MAX_TEXT_LENGTH

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

BLANK: Final = " \t\n\r\v\f"
"""Text that consists only of these characters is a missing value."""

NUMBER_TEXT: Final = r"[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]+)?"
"""The regular expression of a number in text without marks and signs, used by Python and DuckDB."""

ZERO_FRACTION: Final = "(?:[.]0+|,00?)"
"""The regular expression of the end of a whole number such as ``7.0`` or ``7,0``, for Python and DuckDB.

pandas writes whole numbers so if their column once held a missing value. After a comma, three zeros could be
a group of thousands.
"""

SPACES: Final = " \u00a0\u202f"
"""The spaces between groups of digits, or between a number and its sign; they are interchangeable."""

_APOSTROPHES: Final = "'\u2019"

_ASCII_LOWER: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_not_a_number_words = {"nan", "+nan", "-nan"}
_infinity_words = {"inf", "+inf", "-inf", "infinity", "+infinity", "-infinity"}


class ValueRefusedError(ValueError):
    """A value breaks the contract; `code` is one of `churn_core.errors.REJECT_CODES`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def lower_ascii(text: str) -> str:
    """Return text with A to Z in lower case and every other character as it is."""
    return text.translate(_ASCII_LOWER)


class NumberText:
    """Reads numbers in text by declared rules.

    Without declared rules a number is written as in Python: ``-1234.5`` or ``1e3``. A thousands mark must
    separate groups of exactly three digits. One declared sign may stand before or after the number;
    ``45 %`` is 45. Text that does not fit the rules is refused, never read as another number.

    Parameters
    ----------
    rules : TextRules
        Decimal mark, thousands mark and missing tokens. A space as thousands mark stands for each of
        `SPACES`, and an apostrophe for both apostrophes.
    signs : sequence of str
        The signs of the column, from `churn_core.reader_rules.NUMBER_SIGNS`.

    Attributes
    ----------
    plain : bool
        Whether numbers are written as in Python. Missing tokens may be declared nevertheless.
    pattern : str
        The regular expression of a number between blanks, for Python and DuckDB.
    sign_pattern : str
        The regular expression of a sign; empty if there are none.
    decimal, removed : str
        The decimal mark, and the characters to remove before the text is parsed.
    tokens : tuple of str
        The missing tokens in the form of `lower_ascii`, between blanks.
    """

    def __init__(self, rules: TextRules, signs: Sequence[str] = ()) -> None:
        self.decimal = rules.decimal
        self.tokens = tuple(dict.fromkeys(lower_ascii(token.strip(BLANK)) for token in rules.missing_tokens))
        self.plain = rules.decimal == "." and rules.thousands is None and not signs
        thousands = _alike_marks(rules.thousands)
        self.removed = "".join(dict.fromkeys(thousands + (SPACES if signs else "")))
        self.sign_pattern = _one_of(signs)
        self.pattern = NUMBER_TEXT if self.plain else _pattern(rules.decimal, thousands, signs)
        self._number = re.compile(self.pattern)
        self._sign = re.compile(self.sign_pattern)
        self._marks = str.maketrans({**dict.fromkeys(self.removed), rules.decimal: "."})

    def is_missing(self, text: str) -> bool:
        """Return whether text is blank or a missing token."""
        bare = text.strip(BLANK)
        return not bare or lower_ascii(bare) in self.tokens

    def bare_number(self, bare: str) -> str:
        """Return a number between blanks as Python writes it, without marks and signs."""
        return self._sign.sub("", bare, count=1).translate(self._marks)

    def parse(self, text: str) -> float:
        """Parse text as float64; blank text, missing tokens and ``nan`` give NaN.

        Raises
        ------
        ValueRefusedError
            ``wrong_type`` if the text is not a number, ``too_long`` if it is longer than any text may be.
        """
        bare = text.strip(BLANK)
        if bare and len(text) > MAX_TEXT_LENGTH:
            raise ValueRefusedError("too_long")
        if self.tokens and lower_ascii(bare) in self.tokens:
            return math.nan
        if self._number.fullmatch(bare):
            return float(bare if self.plain else self.bare_number(bare))
        word = bare.lower()
        if not bare or word in _not_a_number_words:
            return math.nan
        if word in _infinity_words:
            return math.inf
        raise ValueRefusedError("wrong_type")


def _alike_marks(mark: str | None) -> str:
    if mark is None:
        return ""
    return next((alike for alike in (SPACES, _APOSTROPHES) if mark in alike), mark)


def _pattern(decimal: str, thousands: str, signs: Sequence[str]) -> str:
    """Return the regular expression of a number with marks and signs."""
    exponent = "([eE][+-]?[0-9]+)?"
    number = f"[0-9]+([{decimal}][0-9]*)?{exponent}"
    if thousands:
        # A number in groups has no exponent, and does not start with 0: 0.125 is not 125.
        number = f"[1-9][0-9]{{0,2}}([{thousands}][0-9]{{3}})+([{decimal}][0-9]*)?|{number}"
    any_number = f"({number}|[{decimal}][0-9]+{exponent})"
    if not signs:
        return f"[+-]?{any_number}"
    after = f"[+-]?{any_number}([{SPACES}]*{_one_of(signs)})?"
    # Plus or minus stands on either side of the sign. A digit must follow: "Rs.5" could be 5 or 0.5.
    before = f"{_one_of(signs)}[{SPACES}]*"
    return f"({after}|([+-]?{before}|{before}[+-])({number}))"


def _one_of(signs: Iterable[str]) -> str:
    longest_first = sorted(signs, key=lambda sign: (-len(sign), sign))
    return f"({'|'.join(map(re.escape, longest_first))})" if longest_first else ""


PLAIN: Final = NumberText(TextRules())
"""Reads numbers as Python writes them."""


def parse_number_text(text: str) -> float:
    """Parse text without declared marks, signs and tokens; see `NumberText.parse`."""
    return PLAIN.parse(text)
