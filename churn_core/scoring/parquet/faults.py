"""Errors about a Parquet file that can't be read, also those that DuckDB's errors stand for."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb

from churn_core.errors import ChurnError, InputFileError, NoSpaceError
from churn_core.scoring.memory_faults import is_out_of_memory

if TYPE_CHECKING:
    from collections.abc import Iterator


def encrypted() -> InputFileError:
    """Return the error about an encrypted file."""
    return InputFileError("encrypted", "The file is encrypted; write it without encryption.")


def damaged() -> InputFileError:
    """Return the error about a damaged file."""
    return InputFileError("corrupt", "The Parquet file is damaged; write or copy it again.")


def too_much_memory() -> InputFileError:
    """Return the error about a file that needs more memory than there is."""
    return InputFileError(
        "resource-limit", "Reading the file takes too much memory; write it as several parts."
    )


@contextmanager
def typed_memory_faults() -> Iterator[None]:
    """Translate every error that says that memory ran out, while a file is read, scored or written.

    Raises
    ------
    InputFileError
        ``resource-limit``.
    """
    try:
        yield
    except ChurnError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise too_much_memory() from error
        raise


def is_interrupt(error: Exception) -> bool:
    """Return whether DuckDB raised this error because of Ctrl-C; it has two types for that."""
    return isinstance(error, duckdb.InterruptException) or (
        isinstance(error, RuntimeError) and "interrupted" in str(error).lower()
    )


def reading_fault(error: Exception) -> InputFileError | NoSpaceError:
    """Translate DuckDB's error about a file; its own text may hold cell values and is not shown.

    The Arrow bridge raises DuckDB's errors as plain exceptions, so the type is also looked for in the text.
    """
    text = str(error)
    if is_out_of_memory(error):
        return too_much_memory()
    if os.strerror(errno.ENOSPC) in text:
        return NoSpaceError("There is no space left for temporary files; free some, or set TMPDIR.")
    if "at least one non-root column" in text:
        return InputFileError("schema", "The file has no columns; write the table with its columns.")
    if isinstance(error, duckdb.NotImplementedException) or "Not implemented Error" in text:
        return InputFileError(
            "unsupported-encoding",
            "The file uses a Parquet encoding that can't be read; write it with another.",
        )
    return damaged()
