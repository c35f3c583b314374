"""Hidden files and folders that hold an output until it is complete.

Each is locked as long as its process lives. The next one that is made in the same folder removes those that
have no lock: their processes were killed.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

REPLACED: Final = "replaced"
"""An unfinished folder keeps here, by name, what its output has replaced until the output is in place."""

_name = re.compile(r"\.churn-[0-9a-f]{12}\.partial")


@contextmanager
def unfinished_file(folder: Path) -> Iterator[Path]:
    """Yield a new empty file in `folder`; at the end remove it, unless it was renamed.

    Raises
    ------
    OSError
        If it can't be made.
    """
    path, descriptor = _make(folder, lambda path: os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666))
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


@contextmanager
def unfinished_folder(folder: Path) -> Iterator[Path]:
    """Yield a new folder in `folder` that only this user can read; at the end remove it.

    Raises
    ------
    OSError
        If it can't be made.
    """
    path, descriptor = _make(folder, _make_folder)
    try:
        yield path
    finally:
        _remove(path)
        os.close(descriptor)


def _make_folder(path: Path) -> int | None:
    """Make and open a folder; None if another process has removed it in between."""
    path.mkdir(0o700)
    try:
        return os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None


def _make(folder: Path, make: Callable[[Path], int | None]) -> tuple[Path, int]:
    _remove_abandoned(folder)
    while True:
        path = folder / f".churn-{secrets.token_hex(6)}.partial"
        descriptor = make(path)
        if descriptor is None:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # Another process has found it before it was locked, and removes it.
            os.close(descriptor)
            continue
        except OSError:
            # A file system without locks: nothing on it can be locked, so nothing is removed either.
            return path, descriptor
        if path.exists():
            return path, descriptor
        os.close(descriptor)


def _remove_abandoned(folder: Path) -> None:
    with suppress(OSError):
        for path in folder.iterdir():
            if _name.fullmatch(path.name):
                _remove_if_abandoned(path)


def _remove_if_abandoned(path: Path) -> None:
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            status = os.fstat(descriptor)
            ours = status.st_uid == os.geteuid()
            if ours and (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(path)
        finally:
            os.close(descriptor)


def _remove(path: Path) -> None:
    """Remove a file or folder; first move back what was replaced, if its successor is not in place."""
    if not path.is_dir():
        path.unlink(missing_ok=True)
        return
    with suppress(OSError):
        for replaced in (path / REPLACED).iterdir():
            if not (path.parent / replaced.name).exists():
                replaced.rename(path.parent / replaced.name)
    shutil.rmtree(path, ignore_errors=True)
