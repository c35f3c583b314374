"""A kept model is read while its sources are unchanged, and only then."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from tests import trained_once
from tests.trained_once import KEPT_STATES, TrainedOnce, source_digest

if TYPE_CHECKING:
    from churn_core.config import Settings


class Maker:
    """Writes a file and counts how often."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.calls = 0
        self._seconds = seconds

    def __call__(self, folder: Path) -> None:
        self.calls += 1
        time.sleep(self._seconds)
        (folder / "made").write_text("content", encoding="utf-8")


def content(folder: Path) -> str:
    return (folder / "made").read_text(encoding="utf-8")


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of one source file, in place of the real one."""
    root = tmp_path / "project"
    (root / "churn_core").mkdir(parents=True)
    source = root / "churn_core" / "training.py"
    source.write_text("1", encoding="utf-8")
    monkeypatch.setattr(trained_once, "ROOT", root)
    monkeypatch.setattr(trained_once, "SOURCES", ("churn_core",))
    return source


def test_a_later_process_reads_what_an_earlier_one_made(sources: Path, tmp_path: Path) -> None:
    make = Maker()
    for _ in range(2):
        assert TrainedOnce(tmp_path / "cache", source_digest()).once("model", make, content) == "content"
    assert make.calls == 1


def test_processes_at_the_same_time_make_it_once(sources: Path, tmp_path: Path) -> None:
    make, found = Maker(seconds=0.2), list[str]()

    def ask() -> None:
        found.append(TrainedOnce(tmp_path / "cache", source_digest()).once("model", make, content))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (make.calls, found) == (1, ["content"] * 3)


@pytest.mark.parametrize("change", ["content", "name", "new file"])
def test_changed_sources_make_it_again(sources: Path, tmp_path: Path, change: str) -> None:
    make = Maker()
    TrainedOnce(tmp_path / "cache", source_digest()).once("model", make, content)
    if change == "content":
        sources.write_text("2", encoding="utf-8")
    elif change == "name":
        sources.rename(sources.with_name("other.py"))
    else:
        sources.with_name("page.html").write_text("", encoding="utf-8")
    TrainedOnce(tmp_path / "cache", source_digest()).once("model", make, content)
    assert make.calls == 2


def test_sources_that_change_while_it_is_made_keep_nothing(sources: Path, tmp_path: Path) -> None:
    digest, make = source_digest(), Maker()

    def edit_and_make(folder: Path) -> None:
        sources.write_text("2", encoding="utf-8")
        make(folder)

    for _ in range(2):
        assert TrainedOnce(tmp_path / "cache", digest).once("model", edit_and_make, content) == "content"
    assert make.calls == 2


def test_what_fails_is_not_kept(sources: Path, tmp_path: Path) -> None:
    once = TrainedOnce(tmp_path / "cache", source_digest())

    def fail(folder: Path) -> None:
        (folder / "made").write_text("half", encoding="utf-8")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        once.once("model", fail, content)
    assert once.once("model", Maker(), content) == "content"


def test_old_states_are_removed(sources: Path, tmp_path: Path) -> None:
    for number in range(KEPT_STATES + 3):
        sources.write_text(str(number), encoding="utf-8")
        TrainedOnce(tmp_path / "cache", source_digest()).once("model", Maker(), content)
    assert len(list((tmp_path / "cache").iterdir())) == KEPT_STATES
    # The newest state is among them.
    assert (tmp_path / "cache" / source_digest() / "model" / "made").exists()


def test_another_type_value_name_or_order_of_rows_makes_another_model(settings: Settings) -> None:
    table = pd.DataFrame({"a": [1, 2], "b": [3, 4]})
    others = [
        table.astype({"a": float}),
        table.assign(a=[1, 3]),
        table.rename(columns={"a": "c"}),
        table.iloc[::-1],
    ]
    keys = {trained_once._key(settings, each) for each in (table, *others)}
    assert len(keys) == 5
    assert trained_once._key(settings, table.copy()) in keys
