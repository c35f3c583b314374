"""Notice that a file is changed while it is read: its rows would be a mixture of both contents."""

from __future__ import annotations

import stat
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from churn_core.errors import InputFileError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class FileState:
    """What the operating system says of a file before it is read.

    Attributes
    ----------
    path : Path
    state : tuple of int
        Device, inode, size, and times of the last change of the content and of anything; empty if it is no
        regular file.
    """

    path: Path
    state: tuple[int, ...]

    @classmethod
    def of(cls, path: Path) -> Self:
        """Return the present state of a file."""
        return cls(path, _state(path))

    def check(self) -> None:
        """Compare with the present state.

        Raises
        ------
        InputFileError
            ``corrupt`` if the file was changed or replaced.
        """
        if _state(self.path) != self.state:
            raise InputFileError(
                "corrupt",
                f"{self.path.name} was changed while it was read; try again when nothing writes to it.",
            )


@contextmanager
def unchanged(path: Path) -> Iterator[None]:
    """Refuse a file that is changed in the block."""
    before = FileState.of(path)
    yield
    before.check()


def _state(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    if not stat.S_ISREG(found.st_mode):
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
