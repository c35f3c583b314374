"""The score function in this process, with a real model."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aws_lambda_powertools.metrics.provider import cold_start

from churn_core.scoring.predictor import ChurnPredictor
from functions.score.routes import loaded_predictor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EVENTS = Path(__file__).resolve().parents[3] / "events"


@pytest.fixture
def use_model(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], None]]:
    """Let the function load another bundle at its next request."""

    def use(folder: Path) -> None:
        monkeypatch.setenv("CHURN_MODEL_DIR", os.fspath(folder))
        loaded_predictor.cache_clear()

    yield use
    loaded_predictor.cache_clear()


@pytest.fixture(autouse=True)
def warm(monkeypatch: pytest.MonkeyPatch) -> None:
    """The function has answered before; the first request of a process logs one line more, the cold start."""
    monkeypatch.setattr(cold_start, "is_cold_start", False)


@pytest.fixture(autouse=True)
def model(use_model: Callable[[Path], None], sample_bundle: Path) -> None:
    """The function loads the sample model unless a test chooses another one."""
    use_model(sample_bundle)


@pytest.fixture
def predictor(sample_bundle: Path) -> ChurnPredictor:
    """The library's own predictor with the same model."""
    return ChurnPredictor.load(sample_bundle)


@pytest.fixture
def customer() -> dict[str, Any]:
    """One valid customer."""
    content = json.loads((EVENTS / "predict.json").read_text(encoding="utf-8"))
    result: dict[str, Any] = json.loads(content["body"])
    return result
