"""Fixtures for commands that must fail with one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

from churn_core.cli import main
from churn_core.data import generate_sample_data
from tests.functional.customer_files import CANARY

if TYPE_CHECKING:
    from collections.abc import Callable


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
