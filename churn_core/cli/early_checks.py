"""Checks of a command's options that need no heavy import, so that a mistake is answered at once."""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from churn_core.errors import ConfigError, DataError
from churn_core.scoring.column_names import did_you_mean
from churn_core.sources.parts import is_pattern

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

_TABLES = ("data", "source")
"""The attributes of options that name a table to read."""


def check_inputs(options: argparse.Namespace) -> None:
    """Check that the files which the options name exist.

    Raises
    ------
    DataError, ConfigError
        If one does not; the message names a file of nearly the same name if there is one.
    """
    for name in _TABLES:
        table: Any = getattr(options, name, None)
        if isinstance(table, Path):
            _require(table)
    config: Any = getattr(options, "config", None)
    if isinstance(config, Path) and not config.exists():
        raise ConfigError(
            f"{config} can't be read (No such file or directory){_near_file(config)}; name a config file with"
            " --config."
        )


def _require(table: Path) -> None:
    # Unlike `Path.exists`, this is false for every name that no file can have.
    if not os.path.lexists(table) and not is_pattern(table):
        raise DataError(f"{table} does not exist{_near_file(table)}; name an existing file.")


def _near_file(path: Path) -> str:
    try:
        names = os.listdir(path.parent)  # noqa: PTH208
    except (OSError, ValueError):
        return ""
    near = get_close_matches(path.name, names, n=1, cutoff=0.75)
    return f" (did you mean {path.parent / near[0]}?)" if near else ""


def usage_message(message: str, known: Iterable[str]) -> str:
    """Return argparse's message about an unknown command or option, with the nearest known one.

    Parameters
    ----------
    message : str
        Of argparse.
    known : iterable of str
        The commands and options that there are.
    """
    unknown = None
    if message.startswith("unrecognized arguments: "):
        words = message.removeprefix("unrecognized arguments: ").split()
        unknown = next((word.partition("=")[0] for word in words if word.startswith("--")), None)
    elif message.startswith("argument COMMAND: invalid choice: "):
        unknown = message.removeprefix("argument COMMAND: invalid choice: ").split(" (choose from")[0]
        unknown = unknown.strip("'\"")
        message = f"there is no command {unknown!r}"
    if unknown is None:
        return message
    return f"{message}{did_you_mean(unknown, known)}"
