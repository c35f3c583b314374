"""Check an untrusted Parquet file by its first bytes, last bytes and footer, before a row is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import duckdb

from churn_core.errors import DataError, InputFileError
from churn_core.scoring.column_names import alike_key
from churn_core.scoring.parquet.faults import damaged, encrypted, reading_fault

if TYPE_CHECKING:
    from pathlib import Path

    from churn_core.scoring.input_limits import InputLimits

_MAGIC, _ENCRYPTED_MAGIC = b"PAR1", b"PARE"
_SMALLEST_FILE: Final = 12


@dataclass(frozen=True, slots=True)
class FileLayout:
    """The columns and rows of a file, before a row is read.

    Attributes
    ----------
    types : dict
        DuckDB's type of each top-level column, by its exact name.
    rows : int or None
        The footer's count, which is compared with the rows that are read; None for a text file.
    """

    types: dict[str, str]
    rows: int | None


def check_magic(path: Path) -> None:
    """Check the first and last bytes of a Parquet file.

    Raises
    ------
    DataError
        If the file is missing or can't be opened.
    InputFileError
        ``not-parquet``, ``encrypted`` or ``corrupt`` (cut off, or with bytes after the footer).
    """
    if path.exists() and not path.is_file():
        raise DataError(f"{path} is not a regular file; name a Parquet file on a disk.")
    try:
        with path.open("rb") as file:
            head = file.read(4)
            size = file.seek(0, 2)
            file.seek(max(0, size - 8))
            footer_length, tail = int.from_bytes(file.read(4), "little"), file.read(4)
    except OSError as error:
        raise DataError(f"{path} can't be read ({error.strerror}); name an existing Parquet file.") from error
    if head == _ENCRYPTED_MAGIC or tail == _ENCRYPTED_MAGIC:
        raise encrypted()
    if head != _MAGIC or size < _SMALLEST_FILE:
        raise InputFileError("not-parquet", "The file is not a Parquet file; write the table as Parquet.")
    if tail != _MAGIC or footer_length > size - _SMALLEST_FILE:
        raise InputFileError("corrupt", "The Parquet file is cut off or altered; write or copy it again.")


def read_layout(connection: duckdb.DuckDBPyConnection, path: str, limits: InputLimits) -> FileLayout:
    """Read the footer and compare it with the limits.

    Parameters
    ----------
    connection : DuckDBPyConnection
        May read `path`.
    path : str
        Without characters that DuckDB would expand as a pattern.
    limits : InputLimits

    Raises
    ------
    InputFileError
        ``corrupt``, ``schema``, ``duplicate-column``, ``too-many-columns``, ``too-many-rows``,
        ``too-many-row-groups`` or ``too-large``.
    """
    try:
        schema = connection.execute(
            "SELECT name, coalesce(num_children, 0) FROM parquet_schema(?) ORDER BY column_id", [path]
        ).fetchall()
        rows, groups, size = connection.execute(
            "SELECT num_rows, num_row_groups, file_size_bytes FROM parquet_file_metadata(?)", [path]
        ).fetchall()[0]
        columns, nesting = _top_level(schema)
        _check_counts(len(columns), groups, rows, limits)
        if nesting > limits.nesting:
            raise InputFileError(
                "schema", f"The file has columns nested over {limits.nesting} deep; write them flat."
            )
        expanded, smallest = connection.execute(
            "SELECT coalesce(sum(total_uncompressed_size), 0), coalesce(min(total_uncompressed_size), 0)"
            " FROM parquet_metadata(?)",
            [path],
        ).fetchall()[0]
        described = connection.execute(
            "DESCRIBE SELECT * FROM read_parquet(?, hive_partitioning=false)", [path]
        ).fetchall()
    except (duckdb.Error, UnicodeDecodeError) as error:
        raise reading_fault(error) from error
    if smallest < 0:
        # It would hide another column's size in the sum.
        raise damaged()
    if expanded > limits.most_bytes(size):
        raise InputFileError(
            "too-large", "The file is too large when it is decompressed; write it as several parts."
        )
    check_names(columns)
    return FileLayout(dict(zip(columns, (row[1] for row in described), strict=True)), rows)


def _top_level(schema: list[tuple[str, int]]) -> tuple[list[str], int]:
    """Return the top-level names and the deepest nesting of a schema that is listed depth first."""
    names: list[str] = []
    deepest = 0
    # For each open column, the number of its children that are still to come.
    open_columns: list[int] = []
    for name, children in schema[1:]:
        if not open_columns:
            names.append(name)
        if children:
            open_columns.append(children)
            deepest = max(deepest, len(open_columns))
            continue
        deepest = max(deepest, len(open_columns) + 1)
        while open_columns:
            open_columns[-1] -= 1
            if open_columns[-1]:
                break
            open_columns.pop()
    return names, deepest


def _check_counts(columns: int, groups: int, rows: int, limits: InputLimits) -> None:
    if columns > limits.columns:
        raise InputFileError(
            "too-many-columns",
            f"The file has over {limits.columns} columns; write only the needed ones.",
        )
    if groups > limits.row_groups:
        raise InputFileError(
            "too-many-row-groups", f"The file has over {limits.row_groups} row groups; write larger ones."
        )
    if rows > limits.rows:
        raise InputFileError(
            "too-many-rows", f"The file has over {limits.rows} rows; write it as several parts."
        )
    if rows < 0:
        raise damaged()


def check_names(columns: list[str]) -> None:
    """Refuse two columns that DuckDB takes for one.

    Raises
    ------
    InputFileError
        ``duplicate-column``.
    """
    # DuckDB ignores the case of A to Z in names and renames duplicates, so it could read the wrong column.
    if len(set(map(alike_key, columns))) < len(columns):
        raise InputFileError(
            "duplicate-column", "The file has two columns whose names differ at most in case; rename one."
        )
