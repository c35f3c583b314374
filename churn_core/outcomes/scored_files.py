"""Scored files as a table of DuckDB: what campaigns are taken from, and what labels are joined to."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

import duckdb

from churn_core.errors import DataError, NoSpaceError
from churn_core.scoring.files.sql.text import quote_identifier, quote_text
from churn_core.scoring.memory_faults import is_out_of_memory
from churn_core.scoring.parquet.faults import is_interrupt, reading_fault
from churn_core.sources.partitions import partition_values
from churn_core.sources.parts import PartedTable, partitions_above

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MODEL_COLUMN: Final = "model_version"
CAMPAIGN_COLUMN: Final = "campaign"
GROUP_COLUMN: Final = "campaign_group"
CONTACT: Final = "contact"
CONTROL: Final = "control"

DAY_PARTITION: Final = "dt"
"""The partition of a scored file that gives its day, as in ``scored/model=.../dt=2026-11-27/``."""

_TYPES: Final = {
    "row_number": "BIGINT",
    "churn_probability": "DOUBLE",
    "will_churn": "BOOLEAN",
    "expected_profit": "DOUBLE",
}
"""Types of the columns that are computed with; a CSV file holds them as text."""

_NEEDED: Final = ("row_number", "status", "churn_probability", "will_churn", MODEL_COLUMN)


@dataclass(frozen=True, slots=True)
class ScoredFiles:
    """Scored files of one kind.

    Attributes
    ----------
    name : str
        As the user named them.
    id_column : str
    columns : tuple of str
        Of all files together, in the order of the first that has them.
    texts : tuple of str
        Those that hold text.
    source : str
        SQL that stands behind FROM: all rows of all files. If `dated`, it also has ``dt`` DATE.
    dated : bool
        Whether the files lie in folders ``dt=YYYY-MM-DD``.
    is_csv : bool
    """

    name: str
    id_column: str
    columns: tuple[str, ...]
    texts: tuple[str, ...]
    source: str
    dated: bool
    is_csv: bool

    @property
    def id_sql(self) -> str:
        """The id as text, in SQL."""
        return f"{quote_identifier(self.id_column)}::VARCHAR"

    @property
    def has_money(self) -> bool:
        """Whether the rows carry an expected profit."""
        return "expected_profit" in self.columns


@contextmanager
def readable(name: object) -> Iterator[None]:
    """Turn DuckDB's faults while it reads files into one sentence, which holds no value of the files.

    Raises
    ------
    DataError, MemoryError, NoSpaceError
        The last one if there is no space for temporary files.
    """
    try:
        yield
    except (duckdb.Error, RuntimeError) as error:
        if is_interrupt(error):
            raise KeyboardInterrupt from None
        if is_out_of_memory(error):
            raise MemoryError(f"Reading {name} takes more memory than there is.") from error
        fault = reading_fault(error)
        if isinstance(fault, NoSpaceError):
            raise fault from error
        raise DataError(f"{name} can't be read as a table; name sound .parquet or .csv files.") from error


def whole_numbers(connection: duckdb.DuckDBPyConnection, query: str) -> list[int]:
    """Return the single row of a query, all of it whole numbers."""
    (row,) = connection.sql(query).fetchall()
    return [int(value) for value in row]


def require_files(paths: list[Path]) -> None:
    """Refuse what is no file: a pipe may wait for ever, and is read twice here.

    Raises
    ------
    DataError
    """
    for path in paths:
        if not path.is_file():
            raise DataError(f"{path} is not a file; name a .parquet or .csv file, or a folder of them.")


def open_scored_files(
    connection: duckdb.DuckDBPyConnection, found: Path | PartedTable, *, name: object
) -> ScoredFiles:
    """Describe scored files to DuckDB; nothing but their headers is read.

    Parameters
    ----------
    connection : DuckDBPyConnection
    found : Path or PartedTable
        A file that ``churn score`` wrote, or the parts of a folder of them.
    name : object
        How messages call them.

    Raises
    ------
    DataError
        If they can't be read, lack a column of scored files, or some lie in folders ``dt=`` and others not.
    """
    files = found.files if isinstance(found, PartedTable) else [found]
    require_files(files)
    is_csv = files[0].name.lower().endswith((".csv", ".csv.gz"))
    quoted = "[" + ", ".join(quote_text(str(path)) for path in files) + "]"
    reader = (
        f"read_csv({quoted}, header=true, all_varchar=true, delim=',', quote='\"', union_by_name=true"
        if is_csv
        else f"read_parquet({quoted}, union_by_name=true"
    )
    # The name holds a blank, so that it is none of a scored file's columns.
    rows = f"{reader}, hive_partitioning=false, filename='scored file')"
    with readable(name):
        described = connection.sql(f"DESCRIBE SELECT * FROM {rows}").fetchall()
    types = {str(column): str(kind) for column, kind, *_ in described if column != "scored file"}
    columns = tuple(types)
    for needed in _NEEDED:
        if needed not in columns:
            raise DataError(f"{name} lacks column {needed!r} of scored files; name what 'churn score' wrote.")
    id_column = columns[columns.index("row_number") + 1]
    if id_column == "status":
        raise DataError(f"{name} has no id column; set data.id, train again, and score again.")
    casts = {
        column: f"TRY_CAST({quote_identifier(column)} AS {kind}) AS {quote_identifier(column)}"
        for column, kind in _TYPES.items()
        if column in columns and types[column] != kind
    }
    replaced = f" REPLACE ({', '.join(casts.values())})" if casts else ""
    select = f'SELECT * EXCLUDE ("scored file"){replaced}'
    days = _days(files, name)
    if days is not None:
        if DAY_PARTITION in columns:
            raise DataError(
                f"{name} has a column {DAY_PARTITION!r} and lies in folders {DAY_PARTITION}=; leave the"
                " column out of output.keep."
            )
        cases = " ".join(
            f"WHEN {quote_text(str(path))} THEN DATE {quote_text(day)}" for path, day in days.items()
        )
        select += f', CASE "scored file" {cases} END AS {DAY_PARTITION}'
    texts = tuple(column for column, kind in types.items() if kind == "VARCHAR" and column not in casts)
    return ScoredFiles(
        str(name), id_column, columns, texts, f"({select} FROM {rows})", days is not None, is_csv
    )


def _days(files: list[Path], name: object) -> dict[Path, str] | None:
    """Return the day of each file by the folders above it; None if none lies in a folder ``dt=``."""
    days: dict[Path, str] = {}
    for path in files:
        day = dict(partition_values(partitions_above(path.parent))).get(DAY_PARTITION)
        if day is not None:
            days[path] = _checked_day(day, name)
    if days and len(days) < len(files):
        raise DataError(
            f"{name} holds files in folders {DAY_PARTITION}=YYYY-MM-DD and {len(files) - len(days)} files"
            " that are in none; move them into the folder of their day."
        )
    return days or None


def _checked_day(day: str, name: object) -> str:
    try:
        if date.fromisoformat(day).isoformat() == day:
            return day
    except ValueError:
        pass
    raise DataError(f"{name} has a folder {DAY_PARTITION}= that names no day; call it dt=YYYY-MM-DD.")
