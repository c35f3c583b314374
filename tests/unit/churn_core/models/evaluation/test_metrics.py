"""Metrics compared with figures worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from churn_core.models.evaluation.metrics import (
    corrected_error,
    evaluate,
    expected_calibration_error,
    fold_interval,
    lift_in_top_tenth,
)

LABELS = np.array([1, 1, 0, 1, 0, 0, 0, 0, 0, 0])
SCORES = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05])


def test_a_score_equal_to_the_threshold_counts_as_leaving() -> None:
    measured = evaluate(LABELS, SCORES, threshold=0.6)
    assert measured["precision"] == pytest.approx(3 / 4)
    assert measured["recall"] == pytest.approx(1.0)
    assert measured["accuracy"] == pytest.approx(9 / 10)
    assert measured["f1"] == pytest.approx(6 / 7)


def test_ranking_and_probability_metrics() -> None:
    measured = evaluate(LABELS, SCORES, threshold=0.5)
    assert measured["roc_auc"] == pytest.approx(20 / 21)
    assert measured["pr_auc"] == pytest.approx((1 + 1 + 3 / 4) / 3)
    assert measured["brier"] == pytest.approx(((LABELS - SCORES) ** 2).mean())
    likelihood = np.where(LABELS == 1, SCORES, 1 - SCORES)
    assert measured["log_loss"] == pytest.approx(-np.log(likelihood).mean())


def test_a_score_of_zero_for_a_leaver_gives_a_finite_log_loss() -> None:
    assert np.isfinite(evaluate(np.array([1, 0]), np.array([0.0, 1.0]), 0.5)["log_loss"])


def test_calibration_error_is_zero_when_scores_are_frequencies() -> None:
    labels = np.array([1, 0, 0, 0, 1, 1, 1, 0])
    scores = np.array([0.25] * 4 + [0.75] * 4)
    assert expected_calibration_error(labels, scores) == 0
    assert expected_calibration_error(labels, np.full(8, 0.9)) == pytest.approx(0.4)


def test_lift_compares_the_top_tenth_with_everyone() -> None:
    assert lift_in_top_tenth(LABELS, SCORES) == pytest.approx(1 / 0.3)


def test_intervals_are_wider_than_those_of_independent_folds() -> None:
    values = np.array([0.80, 0.82, 0.84, 0.86, 0.88])
    naive = values.std(ddof=1) / np.sqrt(5)
    corrected = corrected_error(values, test_share=1 / 4)
    assert corrected == pytest.approx(values.std(ddof=1) * np.sqrt(1 / 5 + 1 / 4))
    assert corrected > naive
    interval = fold_interval(values, test_share=1 / 4)
    assert interval["mean"] == pytest.approx(0.84)
    assert interval["high"] - interval["mean"] == pytest.approx(2.776445 * corrected, abs=1e-6)
