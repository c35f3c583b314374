"""Fixtures for commands that must fail with one sentence, and a model of customers with dates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

from churn_core.cli import main
from churn_core.data import generate_sample_data
from tests.functional.customer_files import CANARY
from tests.functional.dates.dated_customers import make_customers, settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.trained_once import TrainedOnce


@pytest.fixture(scope="session")
def dated() -> pd.DataFrame:
    return make_customers()


@pytest.fixture(scope="session")
def dated_bundle(
    dated: pd.DataFrame, trained_once: TrainedOnce, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    return trained_once.bundle(settings(), dated, tmp_path_factory.mktemp("dated") / "bundle")


@pytest.fixture
def customers() -> pd.DataFrame:
    return generate_sample_data(60, seed=4)


@pytest.fixture
def fails(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command that must end with 1 and one sentence on stderr; return the sentence."""

    def run(*words: object) -> str:
        exit_code = main([str(word) for word in words])
        error = capsys.readouterr().err.strip()
        assert exit_code == 1, error
        assert error.startswith("churn: ")
        assert len(error.splitlines()) == 1
        assert "Traceback" not in error
        assert CANARY not in error
        return error

    return run
