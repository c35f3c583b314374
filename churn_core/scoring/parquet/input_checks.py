"""Open a Parquet file that nobody vouches for, and look at its footer before a row is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import duckdb

from churn_core.errors import DataError, InputFileError
from churn_core.scoring.parquet.pages import encrypted

if TYPE_CHECKING:
    from pathlib import Path

_MAGIC, _ENCRYPTED_MAGIC = b"PAR1", b"PARE"
_SMALLEST_FILE: Final = 12


@dataclass(frozen=True, slots=True)
class InputLimits:
    """What a file may hold; a larger one is refused by its footer.

    Parameters
    ----------
    rows, columns, row_groups, nesting : int
        Highest counts, inclusive; of nesting, the levels of columns within columns.
    uncompressed_bytes : int
        Highest sum of the row groups' sizes.
    expansion : int
        Highest ratio of that sum to the file's size.
    """

    rows: int = 200_000_000
    columns: int = 1_000
    row_groups: int = 4_096
    nesting: int = 64
    uncompressed_bytes: int = 20 * 2**30
    expansion: int = 200


@dataclass(frozen=True, slots=True)
class FileLayout:
    """What a footer says.

    Attributes
    ----------
    types : dict
        DuckDB's type of each top-level column, by its exact name.
    rows : int
        As the footer claims; the rows that count are those that come out.
    """

    types: dict[str, str]
    rows: int


def check_magic(path: Path) -> None:
    """Check the first and last bytes of a Parquet file.

    Raises
    ------
    DataError
        If the file is missing or can't be opened.
    InputFileError
        ``not-parquet``, ``encrypted`` or ``corrupt`` (cut off, or with something behind the footer).
    """
    if path.exists() and not path.is_file():
        raise DataError(f"{path} is no regular file; name a Parquet file on a disk.")
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
        raise InputFileError("not-parquet", "The file is no Parquet file; write the table as Parquet.")
    if tail != _MAGIC or footer_length > size - _SMALLEST_FILE:
        raise InputFileError("corrupt", "The Parquet file is cut off or altered; write or copy it again.")


def read_layout(connection: duckdb.DuckDBPyConnection, path: str, limits: InputLimits) -> FileLayout:
    """Read the footer and hold it against the limits.

    Parameters
    ----------
    connection : DuckDBPyConnection
        May read `path`.
    path : str
        Without characters that DuckDB would expand as a pattern.
    limits : InputLimits
        What is refused.

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
        expanded = connection.execute(
            "SELECT coalesce(sum(total_uncompressed_size), 0) FROM parquet_metadata(?)", [path]
        ).fetchall()[0][0]
        described = connection.execute(
            "DESCRIBE SELECT * FROM read_parquet(?, hive_partitioning=false)", [path]
        ).fetchall()
    except (duckdb.Error, UnicodeDecodeError) as error:
        raise reading_fault(error) from error
    if expanded > min(limits.uncompressed_bytes, limits.expansion * max(size, 2**20)):
        raise InputFileError(
            "too-large", "The file grows too much when it is read; write it as several parts."
        )
    _check_names(columns)
    return FileLayout(dict(zip(columns, (row[1] for row in described), strict=True)), rows)


def is_interrupt(error: Exception) -> bool:
    """Tell whether an error is DuckDB's way of handing on Ctrl-C, for which it has three."""
    return isinstance(error, duckdb.InterruptException) or (
        isinstance(error, RuntimeError) and "interrupted" in str(error).lower()
    )


def reading_fault(error: Exception) -> InputFileError:
    """Say what it means that DuckDB failed to read a file; its own words may hold cell values.

    Through the Arrow bridge DuckDB's errors come as plain exceptions, so that the type is in the text.
    """
    text = str(error)
    if isinstance(error, duckdb.OutOfMemoryException) or "Out of Memory Error" in text:
        return InputFileError(
            "resource-limit", "Reading the file takes too much memory; write it as several parts."
        )
    if "at least one non-root column" in text:
        return InputFileError("schema", "The file has no columns; write the table with its columns.")
    if isinstance(error, duckdb.NotImplementedException) or "Not implemented Error" in text:
        return InputFileError(
            "unsupported-encoding",
            "The file uses a Parquet encoding that can't be read; write it with another.",
        )
    return InputFileError("corrupt", "The Parquet file is damaged; write or copy it again.")


def _top_level(schema: list[tuple[str, int]]) -> tuple[list[str], int]:
    """Return the names of the root's children, and how deep any go, of a schema flattened depth first."""
    names: list[str] = []
    deepest = 0
    # Children still to come, of each column that is open.
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
            "too-many-columns", f"The file has over {limits.columns} columns; leave out the others."
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
        raise InputFileError("corrupt", "The Parquet file is damaged; write or copy it again.")


def _check_names(columns: list[str]) -> None:
    # DuckDB matches names without regard to case and renames doubles: both would pick a column silently.
    seen: set[str] = set()
    for name in columns:
        if name.casefold() in seen:
            raise InputFileError(
                "duplicate-column", "The file has two columns of the same name (case aside); rename one."
            )
        seen.add(name.casefold())
