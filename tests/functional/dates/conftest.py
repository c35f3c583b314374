"""A model of the dated customers, and their files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.functional.dates.dated_customers import make_customers, settings

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from tests.trained_once import TrainedOnce


@pytest.fixture(scope="session")
def dated() -> pd.DataFrame:
    return make_customers()


@pytest.fixture(scope="session")
def dated_bundle(
    dated: pd.DataFrame, trained_once: TrainedOnce, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    return trained_once.bundle(settings(), dated, tmp_path_factory.mktemp("dated") / "bundle")
