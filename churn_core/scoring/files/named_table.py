"""A file's columns under the names of the data contract, with the columns of its partition."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from churn_core.errors import InputFileError
from churn_core.scoring.column_names import alike_key, match_names
from churn_core.scoring.files.sql.text import quote_identifier, quote_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from churn_core.scoring.parquet.input_checks import FileLayout

PARQUET_FILE: Final = "read_parquet($path, hive_partitioning=false)"


@dataclass(frozen=True, slots=True)
class TableNames:
    """How a file's columns are renamed, and which columns it gets.

    Attributes
    ----------
    matches : dict
        The contract's name by the file's name, where the two differ in case or surrounding blanks.
    constants : mapping
        Columns that the file does not have, each with its text in every row, or None.
    """

    matches: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def changed(self) -> bool:
        """Whether the table has other columns than the file."""
        return bool(self.matches or self.constants)

    def name(self, name: str) -> str:
        """Return the table's name of a column of the file."""
        return self.matches.get(name, name)

    def names(self, names: Iterable[str]) -> list[str]:
        """Return the table's names of the columns of the file and of its partition."""
        return [self.name(name) for name in (*names, *self.constants)]

    def layout(self, layout: FileLayout) -> FileLayout:
        """Return the layout of the table, by that of the file."""
        kinds = {**layout.types, **dict.fromkeys(self.constants, "VARCHAR")}
        return replace(layout, types={self.name(name): kind for name, kind in kinds.items()})

    def constant_columns(self) -> dict[str, str]:
        """Return the SQL of the columns of the partition, by the table's name."""
        return {
            self.name(name): f"{'NULL' if text is None else quote_text(text)}::VARCHAR"
            for name, text in self.constants.items()
        }


def table_names(
    needed: Sequence[str],
    names: Sequence[str],
    constants: Mapping[str, str | None],
    *,
    match_case_insensitive: bool,
) -> TableNames:
    """Return how the columns of a file are renamed, and which it gets.

    Parameters
    ----------
    needed : sequence of str
        The columns that are read, by the contract's names.
    names : sequence of str
        Of the file.
    constants : mapping
        As in `TableNames`.
    match_case_insensitive : bool
        Whether columns whose names differ in case or surrounding blanks are renamed to the contract's names.

    Raises
    ------
    InputFileError
        ``schema`` if a constant is also a column of the file, or if names match several columns.
    """
    for name in constants:
        if alike_key(name) in map(alike_key, names):
            raise repeated_column(name)
    matches = match_names(needed, [*names, *constants]) if match_case_insensitive else {}
    return TableNames(matches, constants)


def repeated_column(name: str) -> InputFileError:
    """Return the error about a column that a file and its path both have."""
    return InputFileError(
        "schema", f"Column {name!r} is in the file and in its path; remove it from one of the two."
    )


def parquet_table(needed: Sequence[str], layout: FileLayout, names: TableNames) -> str:
    """Return the SQL of a Parquet file's table; its parameter is ``$path``.

    Parameters
    ----------
    needed : sequence of str
        The columns that are read, by the contract's names.
    layout : FileLayout
        Of the file.
    names : TableNames
    """
    if not names.changed:
        return PARQUET_FILE
    sources = {names.name(name): quote_identifier(name) for name in layout.types}
    sources |= names.constant_columns()
    columns = [f"{sources[name]} AS {quote_identifier(name)}" for name in needed if name in sources]
    # A table needs a column; encoding then names the one that is missing.
    return f"(SELECT {', '.join(columns or ['1'])} FROM {PARQUET_FILE})"


def text_table(rows: str, names: TableNames) -> str:
    """Return the SQL of a text file's table, whose rows are in `rows` under the table's names."""
    added = [f"{sql} AS {quote_identifier(name)}" for name, sql in names.constant_columns().items()]
    return f"(SELECT *, {', '.join(added)} FROM {rows})" if added else rows
