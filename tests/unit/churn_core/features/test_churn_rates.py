"""Categories encoded as churn rates."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from churn_core.features.churn_rates import FEW_LEVELS, PRIOR_ROWS, ChurnRateEncoder


def test_levels_are_ordered_by_their_churn_rate() -> None:
    codes = np.repeat([0, 1, 2], 400).astype(np.float32)
    y = np.concatenate([np.arange(400) < left for left in (200, 40, 320)]).astype(np.int64)
    X = np.column_stack([codes, np.arange(1_200, dtype=np.float32)])
    encoder = ChurnRateEncoder(1)
    matrix = encoder.fit_transform(X, y)
    assert encoder.values_[0].argsort().tolist() == [1, 0, 2]
    average = 560 / 1_200
    shrunk = [(left + PRIOR_ROWS * average) / (400 + PRIOR_ROWS) for left in (200, 40, 320)]
    np.testing.assert_allclose(encoder.values_[0], shrunk, rtol=1e-6)
    np.testing.assert_array_equal(matrix[:, 0], encoder.values_[0][codes.astype(int)])
    np.testing.assert_array_equal(matrix[:, 1], X[:, 1])
    assert matrix.dtype == np.float32


@pytest.mark.parametrize("levels", [FEW_LEVELS + 1, 400])
def test_a_column_with_many_levels_does_not_leak_labels(levels: int) -> None:
    draw = np.random.default_rng(levels)
    X = draw.integers(0, levels, size=(4_000, 1)).astype(np.float32)
    y = (draw.random(4_000) < 0.3).astype(np.int64)
    encoder = ChurnRateEncoder(1)
    trained_on = encoder.fit_transform(X, y)
    # The codes are noise, so only a rate that contains the row's own label could predict it.
    assert roc_auc_score(y, trained_on[:, 0]) < 0.51
    assert roc_auc_score(y, encoder.transform(X)[:, 0]) > 0.52


def test_a_rare_level_stays_near_the_average() -> None:
    codes = np.concatenate([np.zeros(500), np.ones(500), [2.0]]).astype(np.float32)
    y = np.concatenate([np.arange(500) < 100, np.arange(500) < 300, [True]]).astype(np.int64)
    rates = ChurnRateEncoder(1).fit(codes[:, None], y).values_[0]
    assert rates[2] < 0.8


def test_the_levels_between_the_lowest_and_the_highest_rate_get_indicators() -> None:
    codes = np.repeat([0, 1, 2, 3], 100).astype(np.float32)
    y = np.concatenate([np.arange(100) < left for left in (50, 10, 80, 30)]).astype(np.int64)
    number = np.arange(400, dtype=np.float32)
    two_levels = codes % 2
    encoder = ChurnRateEncoder(2, indicators=True)
    matrix = encoder.fit_transform(np.column_stack([codes, two_levels, number]), y)
    assert encoder.indicated_ == [(0, 0), (0, 3)]
    assert encoder.owners_.tolist() == [0, 1, 2, 0, 0]
    np.testing.assert_array_equal(matrix[:, 3], codes == 0)
    np.testing.assert_array_equal(matrix[:, 4], codes == 3)
    np.testing.assert_array_equal(matrix[:, 2], number)


def test_columns_of_many_levels_get_no_indicators() -> None:
    codes = np.arange(2_000) % (FEW_LEVELS + 1)
    y = (np.arange(2_000) % 7 == 0).astype(np.int64)
    encoder = ChurnRateEncoder(1, indicators=True).fit(codes[:, None].astype(np.float32), y)
    assert encoder.indicated_ == []
    assert encoder.transform(codes[:, None].astype(np.float32)).shape == (2_000, 1)


def test_a_rate_comes_from_other_groups() -> None:
    """Each household is its own level; its rate must not contain the label that its rows share."""
    draw = np.random.default_rng(4)
    households = np.repeat(np.arange(300), 5)
    X = (households % 150)[:, None].astype(np.float32)
    y = np.repeat((draw.random(300) < 0.3).astype(np.int64), 5)
    alone = ChurnRateEncoder(1).fit_transform(X, y)
    together = ChurnRateEncoder(1).fit_transform(X, y, groups=households)
    assert roc_auc_score(y, alone[:, 0]) > 0.8
    assert roc_auc_score(y, together[:, 0]) < 0.65
