"""Tables in memory get the scores of files, and train the same models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import arro3.core as arrow
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import churn_core
from churn_core.data import load_table
from churn_core.errors import DataError
from churn_core.pipelines import run_training
from churn_core.scoring.files.score_file import BatchSettings, score_file
from churn_core.scoring.predictor import ChurnPredictor

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from churn_core.config import Settings

KINDS: dict[str, Callable[[pd.DataFrame], Any]] = {
    "pandas": lambda table: table,
    "pyarrow": lambda table: pa.Table.from_pandas(table, preserve_index=False),
    "arro3": arrow.Table.from_arrow,
    "records": lambda table: table.astype(object).where(table.notna(), None).to_dict("records"),
}


@pytest.fixture
def from_file(customers: pd.DataFrame, sample_bundle: Path, tmp_path: Path) -> list[dict[str, Any]]:
    customers.to_parquet(tmp_path / "in.parquet")
    settings = BatchSettings(contributions=True)
    score_file(
        tmp_path / "in.parquet", tmp_path / "out.parquet", ChurnPredictor.load(sample_bundle), settings
    )
    rows: list[dict[str, Any]] = pq.read_table(tmp_path / "out.parquet").to_pylist()
    return rows


def rows_of(scored: Any) -> list[dict[str, Any]]:
    if isinstance(scored, list):
        return scored
    if isinstance(scored, pd.DataFrame):
        scored = scored.astype(object).where(scored.notna(), None)
        return [dict(zip(map(str, scored.columns), row, strict=True)) for row in scored.to_numpy().tolist()]
    rows: list[dict[str, Any]] = pa.table(scored).to_pylist()
    return rows


@pytest.mark.parametrize("kind", KINDS)
def test_a_table_in_memory_gets_the_scores_of_the_file(
    kind: str, customers: pd.DataFrame, sample_bundle: Path, from_file: list[dict[str, Any]]
) -> None:
    frame = KINDS[kind](customers)
    scored = churn_core.load(sample_bundle).score(frame, contributions=True)
    assert type(scored) is type(frame)
    assert rows_of(scored) == from_file


def test_the_best_are_returned_first(customers: pd.DataFrame, sample_bundle: Path) -> None:
    best = churn_core.load(sample_bundle).score(customers, top=5)
    assert len(best) == 5
    assert best["churn_probability"].is_monotonic_decreasing


@pytest.mark.parametrize("frame", [7, "customers.csv", [1, 2], {"tenure": [1]}])
def test_what_is_no_table_is_refused(frame: Any, sample_bundle: Path) -> None:
    with pytest.raises(DataError, match="is not a table"):
        churn_core.load(sample_bundle).score(frame)


def test_training_in_memory_gives_the_model_of_the_file(
    sample_table: pd.DataFrame, settings: Settings, tmp_path: Path
) -> None:
    fast = settings.model_copy(
        update={"model": settings.model.model_copy(update={"type": "logistic_regression"})}
    )
    in_memory = churn_core.train(sample_table, fast, tmp_path / "memory", quick=True)
    sample_table.to_parquet(tmp_path / "table.parquet")
    table = load_table(tmp_path / "table.parquet", fast.contract)
    from_file = run_training(fast, table, tmp_path / "file", quick=True).bundle
    assert in_memory.bundle.model_digest == from_file.model_digest
