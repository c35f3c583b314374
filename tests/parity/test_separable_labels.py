"""Columns that part the labels: steep weights, and scores near 0 and 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from churn_core.config import parse_config
from churn_core.models import train_model
from churn_core.models.export.prove import prove_model
from churn_core.models.families import FAMILIES

if TYPE_CHECKING:
    from churn_core.config import Settings


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Members whose membership is shorter than the time since they joined only if they left."""
    draw = np.random.default_rng(1)
    since = draw.integers(6, 49, 800)
    left = draw.random(800) < 0.3
    ended = 1 + np.floor(draw.random(800) * (since - 1))
    return pd.DataFrame(
        {
            "months_since_join": since,
            "membership_period": np.where(left, ended, since),
            "visits": draw.integers(0, 10, 800),
            "churn": np.where(left, "yes", "no"),
        }
    )


@pytest.fixture(scope="module")
def columns(table: pd.DataFrame) -> dict[str, object]:
    return {name: {"kind": "number", "minimum": 0, "maximum": 100} for name in table.columns[:-1]}


def settings_for(family: str, columns: dict[str, object], **params: float) -> Settings:
    return parse_config(
        {
            "data": {
                "target": {"column": "churn", "positive": "yes", "negative": "no"},
                "features": columns,
            },
            "model": {"type": family, "params": params},
            "evaluation": {"folds": 2, "repeats": 1},
        }
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_trains_and_passes_the_gate(
    family: str, table: pd.DataFrame, columns: dict[str, object]
) -> None:
    params = {"members": 2} if "members" in FAMILIES[family].estimator().get_params() else {}
    proved = prove_model(train_model(settings_for(family, columns, **params), table, jobs=1), table)
    assert proved.parity.max_abs_difference <= 1e-6
    assert proved.model.cv["roc_auc"]["mean"] > 0.95


def test_steep_weights_are_computed_in_float64(table: pd.DataFrame, columns: dict[str, object]) -> None:
    model = train_model(settings_for("logistic_regression", columns, C=1_000), table, jobs=1)
    assert np.abs(model.estimator.coef_).max() > 40
    assert prove_model(model, table).parity.max_abs_difference < 1e-7
