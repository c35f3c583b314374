"""Columns of wide tables that predict no better than noise."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.model_selection import StratifiedKFold

from churn_core.models.boosting.averaged import AveragedBoostingClassifier
from churn_core.models.boosting.screening import WIDE_COLUMNS, useful_columns


def make_table(columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Two columns that matter, the rest noise."""
    draw = np.random.default_rng(2)
    X = draw.normal(size=(2_000, columns)).astype(np.float32)
    log_odds = 1.5 * X[:, 3] - 1.5 * X[:, 7]
    return X, (draw.random(2_000) < 1 / (1 + np.exp(-log_odds))).astype(np.int64)


def used_columns(model: AveragedBoostingClassifier) -> set[int]:
    return {
        int(column) for nodes in model.tree_nodes() for column in nodes["feature_idx"][nodes["is_leaf"] == 0]
    }


def test_columns_that_gain_more_than_every_shuffled_one_are_useful() -> None:
    X, y = make_table(60)
    splits = list(StratifiedKFold(4, shuffle=True, random_state=0).split(X, y))
    useful = useful_columns(X, y, splits, seed=0)
    assert useful[[3, 7]].all()
    assert useful.sum() < 7


def test_all_columns_stay_if_none_is_useful() -> None:
    X, _ = make_table(60)
    y = np.random.default_rng(3).integers(0, 2, len(X))
    splits = list(StratifiedKFold(4, shuffle=True, random_state=0).split(X, y))[:1]
    useful = useful_columns(np.zeros_like(X), y, splits, seed=0)
    assert useful.all()


@pytest.mark.parametrize(("columns", "screened"), [(WIDE_COLUMNS - 1, False), (WIDE_COLUMNS, True)])
def test_only_wide_tables_are_screened(columns: int, screened: bool) -> None:
    X, y = make_table(columns)
    used = used_columns(AveragedBoostingClassifier(members=1, max_iter=40).fit(X, y))
    assert {3, 7} <= used
    assert (len(used) < 10) == screened
