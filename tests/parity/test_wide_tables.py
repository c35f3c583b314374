"""Tables with so many columns that some are left out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churn_core.config import parse_config
from churn_core.models import train_model
from churn_core.models.boosting.screening import WIDE_COLUMNS
from churn_core.models.export.prove import prove_model
from churn_core.scoring.onnx_session import open_session


@pytest.mark.parametrize("family", ["additive", "boosting"])
def test_the_gate_passes_and_columns_that_were_left_out_contribute_nothing(family: str) -> None:
    draw = np.random.default_rng(3)
    matrix = draw.normal(size=(1_500, WIDE_COLUMNS + 5)).round(3)
    log_odds = 2 * matrix[:, 50] - 2 * matrix[:, 7] + 2 * (matrix[:, 20] * matrix[:, 30] > 0)
    left = draw.random(1_500) < 1 / (1 + np.exp(-log_odds))
    names = [f"n{number}" for number in range(matrix.shape[1])]
    table = pd.DataFrame(matrix, columns=names).assign(left=np.where(left, "yes", "no"))
    settings = parse_config(
        {
            "data": {
                "target": {"column": "left", "positive": "yes", "negative": "no"},
                "features": {name: {"kind": "number"} for name in names},
            },
            "model": {
                "type": family,
                "params": {"members": 2} | ({"pairs": 3} if family == "additive" else {}),
            },
            "evaluation": {"folds": 2, "repeats": 1},
        }
    )
    proved = prove_model(train_model(settings, table, jobs=1), table)
    columns = set(proved.model.estimator.columns_.tolist())
    assert {7, 50} <= columns
    assert len(columns) < WIDE_COLUMNS
    session = open_session(proved.scoring.model.SerializeToString())
    contributions = session.run(["contributions"], {"features": proved.encoded})[0]
    used = set(np.flatnonzero(np.abs(contributions).max(axis=0)).tolist())
    assert {7, 50} <= used <= columns
