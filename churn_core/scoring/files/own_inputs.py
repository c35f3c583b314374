"""The rule that no command writes what it reads."""

from __future__ import annotations

import os
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from churn_core.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MOST_ENTRIES: Final = 10_000
"""Files of an output folder that may be links to inputs. An input that lies in any folder is found anyway."""


def refuse_own_inputs(output: Path, reads: Iterable[Path], advice: str) -> None:
    """Refuse an output that would replace an input, by any name or link.

    Parameters
    ----------
    output : Path
        A file to write, or a folder to replace with all that it holds. It need not exist.
    reads : iterable of Path
        Files that the command reads, and folders of which it reads the files.
    advice : str
        The end of the error message: how the user chooses another output.

    Raises
    ------
    OutputError
        If an input is the output or lies in it.
    """
    read = {identity for path in reads for entry in _files(path) for identity in _identities(entry)}
    read |= {parent for found in read if isinstance(found, Path) for parent in found.parents}
    if any(not read.isdisjoint(_identities(entry)) for entry in islice(_everything(output), _MOST_ENTRIES)):
        raise OutputError(f"{output} is or holds an input of this command, which it would replace; {advice}.")


def _files(path: Path) -> Iterator[Path]:
    # Unlike `Path.is_dir`, this is false for every name that no file can have.
    if not os.path.isdir(path):  # noqa: PTH112
        yield path
        return
    with suppress(OSError):
        yield from (entry for entry in path.iterdir() if entry.is_file())


def _everything(path: Path) -> Iterator[Path]:
    yield path
    for folder, _, names in os.walk(path):
        yield from (Path(folder, name) for name in names)


def _identities(path: Path) -> Iterator[object]:
    """Yield the identities of a file: device and inode find hard links, the real path finds the rest."""
    with suppress(OSError, RuntimeError, ValueError):
        yield path.resolve()
    with suppress(OSError, ValueError):
        status = path.stat()
        yield status.st_dev, status.st_ino
