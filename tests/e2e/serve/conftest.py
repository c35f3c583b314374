"""A running `churn serve` with the sample model, and the library's predictor with the same model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from churn_core.scoring.predictor import ChurnPredictor
from tests.served_api import ServedApi

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def api(sample_bundle: Path) -> Iterator[ServedApi]:
    with ServedApi(sample_bundle) as served:
        yield served


@pytest.fixture(scope="module")
def predictor(sample_bundle: Path) -> ChurnPredictor:
    return ChurnPredictor.load(sample_bundle)
