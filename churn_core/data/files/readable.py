"""Checks that a file can be read at all, whatever its format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from churn_core.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path


def check_file(path: Path) -> None:
    """Check that `path` is a regular file with content.

    Raises
    ------
    DataError
        If it does not exist, is a directory, a pipe or a device, is empty, or can't be read.
    """
    try:
        if not path.exists():
            raise DataError(f"{path} does not exist; name an existing file.")
        if path.is_dir():
            raise DataError(f"{path} is a directory; name a file in it.")
        if not path.is_file():
            # Opening a pipe would wait forever for a writer.
            raise DataError(f"{path} is not a regular file; name a file on a disk.")
        if path.stat().st_size == 0:
            raise DataError(f"{path} is empty; name a file that holds a table.")
    except OSError as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: OSError) -> DataError:
    """Return the error for a file that the operating system does not let us read."""
    return DataError(f"{path} can't be read ({error.strerror}); check the file and its permissions.")
