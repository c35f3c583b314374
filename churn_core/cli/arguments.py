"""Arguments that several commands share, and checks of argument values."""

from __future__ import annotations

import argparse
import errno
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from churn_core.sources.addresses import address_scheme, unfit_address

if TYPE_CHECKING:
    from churn_core.scoring.files.scoring_pass import BatchSettings

DEFAULT_MODEL: Final = Path("models/churn")
LARGEST_NUMBER: Final = 2**31 - 1
"""Limit of numbers of the command line: rows, megabytes, seeds."""
_MOST_THREADS: Final = 1_024


def path(text: str) -> Path:
    """Read the name of a file or folder, which need not exist."""
    if not text:
        raise argparse.ArgumentTypeError("must not be empty")
    if unfit_address(text) or address_scheme(text):
        raise argparse.ArgumentTypeError(
            unfit_address(text) or f"{text} is an address; name a local path here"
        )
    if "\0" in text or any(0xD800 <= ord(character) <= 0xDFFF for character in text):
        raise argparse.ArgumentTypeError("must be UTF-8 without NUL; rename the file")
    try:
        Path(text).stat()
    except OSError as error:
        if error.errno in (errno.ENAMETOOLONG, errno.ELOOP):
            raise argparse.ArgumentTypeError(f"can't name a file ({error.strerror})") from None
    return Path(text)


def plain_text(text: str) -> str:
    """Read text that is sent on: at most 1,024 characters, all of them visible."""
    if not text.isprintable() or not 0 < len(text) <= 1_024:
        raise argparse.ArgumentTypeError("must be 1 to 1024 visible characters")
    return text


def readable_path(text: str) -> Path:
    """Read the name of a file to read; a device may never end, and a named pipe may wait for ever."""
    found = path(text)
    # A shell passes its own pipes as /dev/stdin or /dev/fd/63.
    unfit = found.is_block_device() or found.is_char_device() or found.is_fifo()
    if unfit and not text.startswith(("/dev/stdin", "/dev/fd/", "/dev/tty", "/proc/self/fd/")):
        raise argparse.ArgumentTypeError(f"{found} is a device or a pipe; name a file")
    return found


def positive(text: str) -> int:
    """Read a whole number of at least 1."""
    return _whole_number(text, 1, LARGEST_NUMBER)


def not_negative(text: str) -> int:
    """Read a whole number of at least 0."""
    return _whole_number(text, 0, LARGEST_NUMBER)


def share(text: str) -> float:
    """Read a share from 0 to 1."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError("must be a number from 0 to 1")
    return number


def thread_count(text: str) -> int:
    """Read a number of threads; very many would make the machine unusable."""
    return _whole_number(text, 1, _MOST_THREADS)


def port_number(text: str) -> int:
    """Read a TCP port; 0 lets the system choose a free one."""
    return _whole_number(text, 0, 65_535)


def _whole_number(text: str, least: int, most: int) -> int:
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if not least <= number <= most:
        raise argparse.ArgumentTypeError(f"must be a whole number from {least} to {most}")
    return number


def add_config(command: argparse.ArgumentParser) -> None:
    """Add ``--config``."""
    command.add_argument(
        "--config",
        type=readable_path,
        help="configuration file (default: config.yaml here, else that of the sample table)",
    )


def add_model(command: argparse.ArgumentParser) -> None:
    """Add ``--model``."""
    command.add_argument(
        "--model", type=path, default=DEFAULT_MODEL, help=f"folder of the bundle (default {DEFAULT_MODEL})"
    )


def add_json(command: argparse.ArgumentParser, description: str = "print the result as JSON") -> None:
    """Add ``--json``."""
    command.add_argument("--json", action="store_true", help=description)


def add_batch(command: argparse.ArgumentParser) -> None:
    """Add ``--threads`` and ``--memory``."""
    command.add_argument("--threads", type=thread_count, help="number of threads (default: all cores)")
    command.add_argument(
        "--memory", type=positive, metavar="MB", help="memory limit of DuckDB (default 200 MB)"
    )


def read_batch(options: argparse.Namespace) -> BatchSettings:
    """Return the settings that ``--threads`` and ``--memory`` give."""
    from churn_core.scoring.files.scoring_pass import BatchSettings

    settings = BatchSettings()
    if options.threads is not None:
        settings = replace(settings, threads=options.threads)
    if options.memory is not None:
        settings = replace(settings, memory_limit_mb=options.memory)
    return settings
