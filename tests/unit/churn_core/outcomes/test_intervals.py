"""Intervals against independent routes: scipy's, pairs counted one by one, and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest
from scipy.stats.contingency import relative_risk
from sklearn.metrics import roc_auc_score

from churn_core.outcomes.effect import CampaignEffect
from churn_core.outcomes.intervals import (
    auc_interval,
    difference_interval,
    mean_interval,
    ratio_interval,
    share_interval,
)
from churn_core.scoring.money import Money


@pytest.mark.parametrize(("part", "whole"), [(0, 7), (7, 7), (3, 10), (250, 1_000)])
def test_a_share_has_wilsons_interval(part: int, whole: int) -> None:
    expected = binomtest(part, whole).proportion_ci(method="wilson")

    assert share_interval(part, whole) == pytest.approx((part / whole, expected.low, expected.high))


def test_a_difference_has_newcombes_interval() -> None:
    # The first example of Newcombe 1998, table II, method 10: 56/70 - 48/80.
    found = difference_interval(56, 70, 48, 80)

    assert found == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)


def test_a_ratio_has_the_interval_of_katz() -> None:
    independent = relative_risk(12, 90, 30, 110)
    expected = independent.confidence_interval(0.95)

    found = ratio_interval(12, 90, 30, 110)

    assert found == pytest.approx((independent.relative_risk, expected.low, expected.high))
    assert ratio_interval(0, 90, 30, 110) is None


def test_a_mean_has_the_normal_interval() -> None:
    found = mean_interval(np.array([1.0, 2.0, 3.0, 4.0]))

    assert found == pytest.approx((2.5, 2.5 - 1.959964 * 0.6454972, 2.5 + 1.959964 * 0.6454972))


def test_the_area_is_the_share_of_right_pairs_with_delongs_variance() -> None:
    generator = np.random.default_rng(3)
    labels = generator.integers(0, 2, 60)
    scores = np.round(labels * 0.3 + generator.random(60), 1)

    found = auc_interval(labels, scores)

    # DeLong's structural components, pair by pair.
    left, stayed = scores[labels == 1], scores[labels == 0]
    pairs = (left[:, None] > stayed) + 0.5 * (left[:, None] == stayed)
    error = np.sqrt(pairs.mean(axis=1).var(ddof=1) / len(left) + pairs.mean(axis=0).var(ddof=1) / len(stayed))
    assert found is not None
    assert found.value == pytest.approx(roc_auc_score(labels, scores))
    odds = np.log(np.array(found) / (1 - np.array(found)))
    half = 1.959964 * error / (found.value * (1 - found.value))
    assert odds[1:] - odds[0] == pytest.approx([-half, half], rel=1e-5)


def test_the_area_needs_both_labels() -> None:
    assert auc_interval(np.ones(3, dtype=np.int64), np.array([0.1, 0.2, 0.3])) is None


def test_an_effect_is_computed_by_hand() -> None:
    money = Money(value_of_customer=500, cost_of_offer=20, success_rate=0.3)
    effect = CampaignEffect(contact=400, contact_left=120, control=100, control_left=50, money=money)

    assert effect.saved.value == pytest.approx(400 * (0.5 - 0.3))
    assert effect.earned is not None
    assert effect.earned.value == pytest.approx(80 * 500 - 400 * 20)
    assert effect.earned.low == pytest.approx(effect.saved.low * 500 - 400 * 20)
    assert effect.success_rate is not None
    assert effect.success_rate.value == pytest.approx(1 - 0.3 / 0.5)
    assert effect.is_clear
    assert effect.customers_needed is None


def test_an_unclear_effect_says_how_many_more_customers_would_show_it() -> None:
    effect = CampaignEffect(contact=90, contact_left=27, control=10, control_left=4)

    assert not effect.is_clear
    # (1.96 + 0.8416)^2 (0.3 * 0.7 / 0.9 + 0.4 * 0.6 / 0.1) / 0.1^2 customers in all, of whom there are 100.
    assert effect.customers_needed == pytest.approx(7.8489 * (0.21 / 0.9 + 0.24 / 0.1) / 0.01 - 100, abs=1)


def test_no_number_of_customers_shows_an_effect_that_is_not_there() -> None:
    assert CampaignEffect(contact=90, contact_left=36, control=10, control_left=3).customers_needed is None


def test_the_interval_covers_the_true_effect_in_93_to_97_of_100_campaigns() -> None:
    generator = np.random.default_rng(11)
    contact, control, truth = 450, 50, 0.12
    covered = 0
    for _ in range(2_000):
        found = CampaignEffect(
            contact,
            int(generator.binomial(contact, 0.45 - truth)),
            control,
            int(generator.binomial(control, 0.45)),
        ).saved
        covered += found.low <= truth * contact <= found.high

    assert 0.93 <= covered / 2_000 <= 0.97
