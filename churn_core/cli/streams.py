"""Standard streams that the caller has closed, or that can't be written."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

from churn_core.errors import OutputError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class StdoutError(OutputError):
    """The result can't be written to stdout."""


class _Stdout(io.FileIO):
    """The file behind stdout; its errors differ from those of other files."""

    def write(self, data: ReadableBuffer, /) -> int:
        """Write bytes, and return how many were written."""
        try:
            return super().write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise StdoutError(
                f"The result can't be written to stdout ({error.strerror}); send it to another file."
            ) from error


def open_streams() -> None:
    """Prepare the standard streams of a command.

    /dev/null takes the place of each stream that the caller has closed. Without this, the next file that is
    opened gets the stream's number, and a library that reports something on stderr writes it into that file.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # The operating system gives the lowest free number, which is this one.
            os.open(os.devnull, os.O_RDWR)
    # Python has None for a stream that was closed at the start.
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    found = sys.stdout
    if found is sys.__stdout__:
        raw = _Stdout(1, "w", closefd=False)
        sys.stdout = io.TextIOWrapper(
            io.BufferedWriter(raw),
            encoding=found.encoding if found else "utf-8",
            errors=found.errors if found else None,
            line_buffering=raw.isatty(),
        )


def drop(stream: TextIO) -> None:
    """Send what is buffered for a stream to /dev/null, else Python reports the error again at its exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
