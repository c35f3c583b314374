"""Scored files of the sample's model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from churn_core.cli import main
from churn_core.data import generate_sample_data

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def customers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1,000 new customers of the sample, with labels."""
    path = tmp_path_factory.mktemp("outcomes") / "customers.csv"
    generate_sample_data(1_000, seed=77).to_csv(path, index=False)
    return path


@pytest.fixture(scope="session")
def scores(customers: Path, sample_bundle: Path) -> Path:
    """Their scores."""
    path = customers.with_name("scores.parquet")
    assert main(["score", str(customers), str(path), "--model", str(sample_bundle)]) == 0
    return path
