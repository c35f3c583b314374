"""Arguments that several commands share, and checks of argument values."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from churn_core.scoring.files.scoring_pass import BatchSettings

DEFAULT_MODEL: Final = Path("models/churn")


def positive(text: str) -> int:
    """Read a whole number of at least 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def not_negative(text: str) -> int:
    """Read a whole number of at least 0."""
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("must be at least 0")
    return number


def port_number(text: str) -> int:
    """Read a TCP port; 0 lets the system choose a free one."""
    number = int(text)
    if not 0 <= number <= 65_535:
        raise argparse.ArgumentTypeError("must be from 0 to 65535")
    return number


def add_config(command: argparse.ArgumentParser) -> None:
    """Add ``--config``."""
    command.add_argument("--config", type=Path, help="configuration file (default config/config.yaml)")


def add_model(command: argparse.ArgumentParser) -> None:
    """Add ``--model``."""
    command.add_argument(
        "--model", type=Path, default=DEFAULT_MODEL, help=f"folder of the bundle (default {DEFAULT_MODEL})"
    )


def add_json(command: argparse.ArgumentParser, description: str = "print the result as JSON") -> None:
    """Add ``--json``."""
    command.add_argument("--json", action="store_true", help=description)


def add_batch(command: argparse.ArgumentParser) -> None:
    """Add ``--threads`` and ``--memory``."""
    command.add_argument("--threads", type=positive, help="number of threads (default: all cores)")
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
