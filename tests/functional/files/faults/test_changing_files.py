"""Files that another program changes while they are read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from churn_core.data import loading
from churn_core.data.loading import load_table
from churn_core.errors import InputFileError
from churn_core.scoring.files.score_file import score_file
from churn_core.scoring.predictor import ChurnPredictor
from tests.functional.customer_files import write_table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd


def overwrite(path: Path) -> None:
    """Write other content of the same length into the file."""
    content = path.read_bytes()
    path.write_bytes(content.replace(b"Month-to-month", b"Monthxto-month"))
    assert path.stat().st_size == len(content)


def overwrite_and_restore_the_time(path: Path) -> None:
    before = path.stat()
    overwrite(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    other.rename(path)


@pytest.mark.parametrize("change", [overwrite, overwrite_and_restore_the_time, replace])
def test_a_file_that_is_changed_while_it_is_scored_has_no_output(
    change: Callable[[Path], None], customers: pd.DataFrame, sample_bundle: Path, tmp_path: Path
) -> None:
    source, out = write_table(customers, tmp_path / "in.parquet"), tmp_path / "out.parquet"
    changed: list[int] = []

    def change_once(done: int, total: int) -> None:
        if not changed:
            changed.append(done)
            change(source)

    with pytest.raises(InputFileError, match="changed while it was read") as refused:
        score_file(source, out, ChurnPredictor.load(sample_bundle), progress=change_once)
    assert (changed != [], refused.value.code) == (True, "corrupt")
    assert not out.exists()


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_table_that_is_changed_while_it_is_read_is_refused(
    ending: str, customers: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_table(customers, tmp_path / f"in.{ending}")
    load = getattr(loading, f"load_{ending}")

    def load_then_change(*arguments: object) -> pd.DataFrame:
        table: pd.DataFrame = load(*arguments)
        overwrite(source)
        return table

    monkeypatch.setattr(loading, f"load_{ending}", load_then_change)
    with pytest.raises(InputFileError, match="changed while it was read"):
        load_table(source)
    monkeypatch.undo()
    assert len(load_table(source)) == len(customers)
