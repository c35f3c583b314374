"""Unfinished files and folders: what is left of a killed process is removed, and nothing else."""

from __future__ import annotations

import errno
import fcntl
import os
from typing import TYPE_CHECKING, Any

import pytest

from churn_core.scoring.files.unfinished import (
    REPLACED,
    _remove_abandoned,
    unfinished_file,
    unfinished_folder,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path
    from types import ModuleType

ABANDONED = ".churn-0123456789ab.partial"


def test_what_is_in_use_stays_and_what_is_abandoned_goes(tmp_path: Path) -> None:
    with unfinished_file(tmp_path) as first, unfinished_folder(tmp_path) as second:
        (tmp_path / ABANDONED).mkdir()
        (tmp_path / ABANDONED / "spill").write_text("")
        with unfinished_file(tmp_path) as third:
            assert sorted(tmp_path.iterdir()) == sorted([first, second, third])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("unfinished", [unfinished_file, unfinished_folder])
@pytest.mark.parametrize("call", [(os, "open"), (fcntl, "flock")], ids=["before-open", "before-lock"])
def test_another_process_that_removes_it_before_it_is_locked_does_no_harm(
    unfinished: Callable[[Path], AbstractContextManager[Path]],
    call: tuple[ModuleType, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original = getattr(*call)
    removed: list[Path] = []

    def remove_first(*arguments: Any, **options: Any) -> Any:
        made = list(tmp_path.iterdir())
        if made and not removed:
            removed.extend(made)
            _remove_abandoned(tmp_path)
        return original(*arguments, **options)

    monkeypatch.setattr(*call, remove_first)
    with unfinished(tmp_path) as path:
        if call[1] == "open" and unfinished is unfinished_file:
            assert not removed  # a file is made and opened at once
        else:
            assert removed
        assert list(tmp_path.iterdir()) == [path]
        assert path not in removed


def test_a_finished_file_keeps_its_new_name(tmp_path: Path) -> None:
    with unfinished_file(tmp_path) as path:
        path.rename(tmp_path / "done")
    assert [entry.name for entry in tmp_path.iterdir()] == ["done"]


@pytest.mark.parametrize("name", [".churn-notes.partial", ".churn-0123456789AB.partial", ABANDONED[1:]])
def test_other_names_are_left_alone(name: str, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    with unfinished_file(tmp_path):
        pass
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


def test_links_and_pipes_of_such_a_name_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").touch()
    (tmp_path / ABANDONED).symlink_to(tmp_path / "precious")
    os.mkfifo(tmp_path / ".churn-ba9876543210.partial")
    with unfinished_folder(tmp_path):
        pass
    assert (tmp_path / "precious" / "file").exists()
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("in_place", [False, True])
def test_a_replaced_bundle_is_moved_back_unless_its_successor_is_in_place(
    in_place: bool, tmp_path: Path
) -> None:
    (tmp_path / ABANDONED / REPLACED / "bundle").mkdir(parents=True)
    (tmp_path / ABANDONED / REPLACED / "bundle" / "manifest.json").write_text("old")
    if in_place:
        (tmp_path / "bundle").mkdir()
        (tmp_path / "bundle" / "manifest.json").write_text("new")
    with unfinished_file(tmp_path):
        pass
    assert (tmp_path / "bundle" / "manifest.json").read_text() == ("new" if in_place else "old")
    assert not (tmp_path / ABANDONED).exists()


def test_a_file_system_without_locks_is_used_without_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    (tmp_path / ABANDONED).touch()
    with unfinished_file(tmp_path) as path:
        assert path.exists()
    assert [entry.name for entry in tmp_path.iterdir()] == [ABANDONED]


def test_a_file_that_another_process_locks_first_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = fcntl.flock
    refusals = iter([BlockingIOError(errno.EAGAIN, "locked")])

    def refuse_once(descriptor: int, operation: int) -> None:
        for error in refusals:
            raise error
        lock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", refuse_once)
    with unfinished_file(tmp_path) as path:
        first, second = sorted(tmp_path.iterdir(), key=lambda entry: entry == path)
        assert (first != path, second == path) == (True, True)


def test_the_folder_of_an_unfinished_folder_is_not_readable_by_others(tmp_path: Path) -> None:
    with unfinished_folder(tmp_path) as path:
        assert path.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_can_not_be_removed_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error would hide the one for which the work was given up."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    with unfinished_folder(tmp_path) as path:
        monkeypatch.setattr(os, "rmdir", refuse)
    monkeypatch.undo()
    assert path.exists()
