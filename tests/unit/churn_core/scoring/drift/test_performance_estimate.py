"""Metrics estimated from scores, compared with the mean over randomly drawn labels."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_score, recall_score, roc_auc_score

from churn_core.scoring.drift.performance_estimate import PerformanceEstimate, estimate_performance
from churn_core.scoring.drift.score_counts import ScoreCounts


def counted(scores: np.ndarray, threshold: float = 0.4) -> ScoreCounts:
    return ScoreCounts.count(np.round(scores, 6), threshold)


def estimate(scores: list[float], threshold: float = 0.4) -> PerformanceEstimate:
    return estimate_performance(counted(np.array(scores), threshold))


def test_the_estimate_for_two_customers_equals_a_hand_calculation() -> None:
    found = estimate([0.8, 0.2])
    # Pairs of a leaver and a stayer: 0.8 * 0.8 in the right order, 0.2 * 0.2 in the wrong one.
    assert found.roc_auc == pytest.approx(0.64 / 0.68)
    assert found.churn_rate == pytest.approx(0.5)
    assert found.precision == pytest.approx(0.8)
    assert found.recall == pytest.approx(0.8)
    assert found.f1 == pytest.approx(1.6 / 2)


def test_a_score_equal_to_the_threshold_counts_as_leaving() -> None:
    assert estimate([0.4, 0.399999]).precision == pytest.approx(0.4)


def test_customers_of_one_score_can_not_be_ranked() -> None:
    assert estimate([0.3] * 50).roc_auc == pytest.approx(0.5)


@pytest.mark.parametrize("scores", [[], [1.0, 1.0], [0.0], [0.7]])
def test_a_metric_that_can_not_be_estimated_is_none(scores: list[float]) -> None:
    assert estimate(scores).roc_auc is None


def test_precision_is_none_when_nobody_is_flagged() -> None:
    found = estimate([0.1, 0.2])
    assert (found.precision, found.recall, found.f1) == (None, 0.0, 0.0)


@pytest.mark.parametrize("shape", [(0.7, 1.5), (2, 2), (0.3, 0.3)])
def test_the_estimate_equals_the_mean_over_labels_drawn_from_the_scores(shape: tuple[float, float]) -> None:
    random = np.random.default_rng(5)
    scores = np.round(random.beta(*shape, 3_000), 6)
    found = estimate_performance(counted(scores))
    drawn = []
    for _ in range(40):
        labels = random.random(len(scores)) < scores
        flagged = scores >= 0.4
        drawn.append(
            (
                roc_auc_score(labels, scores),
                labels.mean(),
                precision_score(labels, flagged),
                recall_score(labels, flagged),
                f1_score(labels, flagged),
            )
        )
    expected = (found.roc_auc, found.churn_rate, found.precision, found.recall, found.f1)
    # The tolerance is four standard errors of forty draws, plus the width of a step.
    margin = 4 * np.std(drawn, axis=0) / np.sqrt(40) + 2e-4
    assert (np.abs(np.mean(drawn, axis=0) - np.array(expected, dtype=np.float64)) < margin).all()
