"""A review compares a threshold with the best one once labels are known."""

from __future__ import annotations

import numpy as np
import pytest

from churn_core.models.evaluation.threshold_review import review_threshold
from churn_core.scoring.money import Money
from tests.unit.churn_core.models.evaluation.scored_customers import MONEY, sample


def test_a_review_distinguishes_a_good_threshold_from_a_bad_one() -> None:
    labels, scores, _ = sample(repeats=1, customers=3_000)
    rounded, money = np.round(scores[0], 6), Money.from_dict(dict(MONEY))
    good = review_threshold(0.133334, "money", money, None, labels, rounded, seed=3)
    bad = review_threshold(0.6, "money", money, None, labels, rounded, seed=3)
    assert good.still_good
    assert not bad.still_good
    assert bad.best == good.best
    earned = 1000 * ((rounded >= 0.6) * (150 * labels - 20)).mean()
    realised = bad.realised["profit_per_1000"]
    assert realised["mean"] == pytest.approx(earned, abs=1e-3)
    assert realised["low"] < realised["mean"] < realised["high"]
    # The bootstrap interval agrees with the standard error formula for independent customers.
    spread = 1000 * np.std((rounded >= 0.6) * (150 * labels - 20)) / np.sqrt(len(labels))
    assert realised["high"] - realised["low"] == pytest.approx(2 * 1.96 * spread, rel=0.2)


def test_a_review_without_money_uses_f1() -> None:
    labels, scores, _ = sample(repeats=1)
    review = review_threshold(0.5, "fixed", None, None, labels, np.round(scores[0], 6), seed=3)
    highest = max(point["f1"] for point in review.curve)
    assert review.best.point["f1"] >= highest
    assert "profit_per_1000" not in review.realised


def test_a_threshold_is_kept_unless_another_is_clearly_better_on_unseen_customers() -> None:
    draw = np.random.default_rng(12)
    money = Money(value_of_customer=500, cost_of_offer=30, success_rate=0.3)

    def still_good(drift: float, seed: int) -> bool:
        scores = np.round(np.random.default_rng(seed).beta(1, 3, 3_000), 6)
        labels = (draw.random(3_000) < drift * scores).astype(np.int64)
        return review_threshold(
            money.break_even_threshold, "money", money, None, labels, scores, 1
        ).still_good

    # While scores are calibrated the break-even is best; the sample's own best is better only by chance.
    assert sum(still_good(1.0, seed) for seed in range(10)) >= 9
    assert not any(still_good(0.3, seed) for seed in range(5))
