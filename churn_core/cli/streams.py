"""Standard streams that the caller has closed, or whose encoding lacks a character."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TextIO


def open_streams() -> None:
    """Prepare the standard streams of a command.

    /dev/null takes the place of each stream that the caller has closed. Without this, the next file that is
    opened gets the stream's number, and a library that reports something on stderr writes it into that file.
    Characters that an encoding lacks are printed as escapes.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # The operating system gives the lowest free number, which is this one.
            os.open(os.devnull, os.O_RDWR)
    # Python has None for a stream that was closed at the start.
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def drop(stream: TextIO) -> None:
    """Send what is buffered for a stream to /dev/null, else Python reports the error again at its exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
