"""Errors about a Parquet file that can't be read, also those that DuckDB's errors stand for."""

from __future__ import annotations

import duckdb

from churn_core.errors import InputFileError


def encrypted() -> InputFileError:
    """Return the error about an encrypted file."""
    return InputFileError("encrypted", "The file is encrypted; write it without encryption.")


def damaged() -> InputFileError:
    """Return the error about a damaged file."""
    return InputFileError("corrupt", "The Parquet file is damaged; write or copy it again.")


def is_interrupt(error: Exception) -> bool:
    """Return whether DuckDB raised this error because of Ctrl-C; it has two types for that."""
    return isinstance(error, duckdb.InterruptException) or (
        isinstance(error, RuntimeError) and "interrupted" in str(error).lower()
    )


def reading_fault(error: Exception) -> InputFileError:
    """Translate DuckDB's error about a file; its own text may hold cell values and is not shown.

    The Arrow bridge raises DuckDB's errors as plain exceptions, so the type is also looked for in the text.
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
    return damaged()
