"""Figures of the report, checked by hand on small rankings."""

from __future__ import annotations

import numpy as np
import pytest

from churn_core.reports.measures import calibration_bins, cumulative_gains, ranked_tenths


def test_customers_with_equal_scores_share_a_calibration_bin() -> None:
    probabilities = np.repeat([0.1, 0.2, 0.9], [60, 30, 10])
    labels = np.tile([0, 1], 50)
    bins = calibration_bins(labels, probabilities)
    assert [b.customers for b in bins] == [60, 30, 10]
    assert [b.mean_score for b in bins] == pytest.approx([0.1, 0.2, 0.9])
    assert all(b.low < b.churn_rate < b.high for b in bins)


def test_gains_and_tenths_of_a_small_ranking_by_hand() -> None:
    labels = np.array([1, 0, 1, 0, 0])
    probabilities = np.array([0.9, 0.8, 0.8, 0.2, 0.1])
    gains = cumulative_gains(labels, probabilities, threshold=0.8)
    assert gains.contacted.tolist() == pytest.approx([0, 0.2, 0.6, 0.8, 1])
    assert gains.reached.tolist() == pytest.approx([0, 0.5, 1, 1, 1])
    assert gains.at_threshold == pytest.approx((0.6, 1.0))
    assert cumulative_gains(labels, probabilities, threshold=0.95).at_threshold == (0.0, 0.0)
    assert gains.reached_by(np.array([0.4])) == pytest.approx([0.75])
    tenths = ranked_tenths(np.tile(labels, 4), np.tile(probabilities, 4))
    assert [t.customers for t in tenths] == [2] * 10
    assert tenths[0].lift == pytest.approx(1 / 0.4)
    assert tenths[-1].reached == 1.0
