"""Thresholds compared with tables worked out by hand, and properties for any table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from churn_core.decision_settings import DecisionSettings
from churn_core.models.evaluation.ranking import Ranking, best_stop, curve, f1, nearness, profit
from churn_core.models.evaluation.threshold import Decision, choose_threshold
from churn_core.scoring.money import NOBODY, Money
from tests.unit.churn_core.models.evaluation.scored_customers import MONEY, sample

LABELS = np.array([1, 1, 0, 1, 0, 0, 0, 0, 0, 0])
SCORES = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05])


def best(objective: Any, labels: Any = LABELS, scores: Any = SCORES) -> float:
    stops = Ranking(labels, scores[None, :]).stops()
    return float(stops.thresholds[best_stop(stops, objective)])


def choose(stretch: float = 1.0, **keys: Any) -> Decision:
    return choose_threshold(DecisionSettings(**keys), *sample(stretch), seed=3)


# ---------------------------------------------------------------- by hand


def test_f1_stops_at_the_highest_f1() -> None:
    assert best(f1) == 0.6


@pytest.mark.parametrize(
    ("cost", "threshold"),
    # A contacted leaver brings 150. To reach the third leaver, two more customers are contacted.
    [(20, 0.6), (74, 0.6), (76, 0.8), (149, 0.8), (151, NOBODY), (0, 0.6)],
)
def test_profit_stops_before_contacts_cost_more_than_they_earn(cost: float, threshold: float) -> None:
    assert best(profit(Money(500, cost, 0.3))) == threshold


def test_on_equal_profit_fewer_customers_are_contacted() -> None:
    # Contacting two more customers costs exactly what the third leaver brings.
    assert best(profit(Money(500, 75, 0.3))) == 0.8
    assert best(profit(Money(500, 150, 0.3))) == NOBODY


@pytest.mark.parametrize(
    ("share", "threshold"), [(0.1, 0.9), (0.3, 0.7), (0.34, 0.7), (0.36, 0.6), (0.999, 0.05)]
)
def test_a_share_stops_at_the_nearest_threshold(share: float, threshold: float) -> None:
    assert best(nearness(share)) == threshold


@pytest.mark.parametrize(
    ("share", "contacted"), [(0.01, 4), (0.4, 4), (0.55, 4), (0.65, 4), (0.66, 9), (0.95, 9)]
)
def test_customers_with_equal_scores_are_contacted_together_or_not_at_all(
    share: float, contacted: int
) -> None:
    scores = np.array([0.7] * 4 + [0.5] * 5 + [0.1])
    threshold = best(nearness(share), scores=scores)
    assert (scores >= threshold).sum() == contacted


def test_a_curve_by_hand() -> None:
    money = Money(500, 20, 0.3)
    points = curve(Ranking(LABELS, SCORES[None, :]).stops(), money, threshold=0.65)
    assert [point["threshold"] for point in points] == [NOBODY, *SCORES.tolist()]
    assert points[0] == {
        "threshold": NOBODY,
        "contacted_per_1000": 0,
        "precision": 0,
        "recall": 0,
        "f1": 0,
        "profit_per_customer": 0,
        "profit_per_1000": 0,
    }
    assert points[3] == {
        "threshold": 0.7,
        "contacted_per_1000": 300,
        "precision": 0.666667,
        "recall": 0.666667,
        "f1": 0.666667,
        "profit_per_customer": 24,
        "profit_per_1000": 24_000,
    }
    assert points[-1]["profit_per_1000"] == 1000 * (3 * 150 - 10 * 20) / 10


def test_a_customer_counts_once_in_each_repeat() -> None:
    labels = np.array([1, 0])
    stops = Ranking(labels, np.array([[0.9, 0.1], [0.2, 0.9]])).stops()
    assert stops.thresholds.tolist() == [NOBODY, 0.9, 0.2, 0.1]
    assert stops.contacted.tolist() == [0, 2, 3, 4]
    assert stops.leavers.tolist() == [0, 1, 2, 2]


@pytest.mark.parametrize(
    ("threshold", "contacted"), [(NOBODY, 0), (1.0, 0), (0.9, 1), (0.7, 3), (0.65, 3), (0.05, 10), (0.0, 10)]
)
def test_a_threshold_contacts_customers_with_at_least_that_score(threshold: float, contacted: int) -> None:
    stops = Ranking(LABELS, SCORES[None, :]).stops()
    assert stops.contacted[stops.at(threshold)] == contacted


# ---------------------------------------------------------------- for any table

tables = st.integers(2, 40).flatmap(
    lambda size: st.tuples(
        st.lists(st.integers(0, 1), min_size=size, max_size=size).map(lambda v: np.array([1, *v[1:]])),
        st.lists(st.integers(0, 20).map(lambda n: n / 20), min_size=size, max_size=size).map(np.array),
    )
)


@given(table=tables, cost=st.integers(0, 200))
def test_no_threshold_earns_more_than_the_one_that_was_observed_best(table: Any, cost: int) -> None:
    labels, scores = table
    money = Money(500, cost, 0.3)
    threshold = best(profit(money), labels, scores)
    earned = {t: ((scores >= t) * (150 * labels - cost)).sum() for t in [*scores, NOBODY, threshold]}
    assert earned[threshold] == pytest.approx(max(earned.values()))


@given(table=tables, cost=st.integers(0, 200), more=st.integers(0, 100))
def test_a_more_expensive_offer_never_has_a_lower_threshold(table: Any, cost: int, more: int) -> None:
    cheap, expensive = (best(profit(Money(500, c, 0.3)), *table) for c in (cost, cost + more))
    assert expensive >= cheap


@settings(max_examples=20)
@given(table=tables)
def test_f1_is_that_of_scikit_learn(table: Any) -> None:
    labels, scores = table
    stops = Ranking(labels, scores[None, :]).stops()
    measured = f1(stops)
    for stop, threshold in enumerate(stops.thresholds):
        expected = f1_score(labels, scores >= threshold, zero_division=0.0)
        assert measured[stop] == pytest.approx(expected)
    assert measured[best_stop(stops, f1)] == measured.max()


@given(table=tables, share=st.floats(0.01, 0.99))
def test_no_other_threshold_is_nearer_to_a_share(table: Any, share: float) -> None:
    labels, scores = table
    threshold = best(nearness(share), labels, scores)
    misses = {t: abs((scores >= t).sum() - share * len(scores)) for t in scores}
    assert misses[threshold] == min(misses.values())


@settings(max_examples=30)
@given(table=tables, threshold=st.floats(0, 1))
def test_a_curve_goes_from_nobody_to_everybody_and_is_short(table: Any, threshold: float) -> None:
    labels, scores = (np.tile(part, 20) for part in table)
    points = curve(Ranking(labels, scores[None, :]).stops(), None, threshold)
    contacted = [point["contacted_per_1000"] for point in points]
    assert contacted[0] == 0
    assert contacted[-1] == 1000
    assert contacted == sorted(contacted)
    assert len(points) <= 100
    assert 1000 * (scores >= threshold).mean() in [pytest.approx(c, abs=1e-5) for c in contacted]


# ---------------------------------------------------------------- choosing


def test_calibrated_scores_are_cut_at_the_break_even() -> None:
    decision = choose(**MONEY)
    assert (decision.method, decision.basis, decision.threshold) == ("money", "break_even", 0.133334)
    assert decision.observed_best.low <= 0.133334 <= decision.observed_best.high


@pytest.mark.parametrize("stretch", [3.0, 0.2])
def test_uncalibrated_scores_are_cut_where_they_earned_most(stretch: float) -> None:
    decision = choose(stretch, **MONEY)
    assert decision.basis == "observed_best"
    labels, scores, _ = sample(stretch)
    earned = ((scores >= decision.threshold - 5e-7) * (150 * labels - 20)).mean()
    assert earned > 1.02 * ((scores >= 0.133334) * (150 * labels - 20)).mean()
    highest = max(point["profit_per_customer"] for point in decision.curve)
    assert decision.observed_best.point["profit_per_customer"] == pytest.approx(earned, abs=1e-5)
    assert decision.observed_best.point["profit_per_customer"] >= highest


def test_nobody_is_contacted_if_no_offer_pays() -> None:
    decision = choose(**(MONEY | {"cost_of_offer": 151.0}))
    assert decision.threshold == NOBODY
    assert decision.expected["contacted_per_1000"]["mean"] == 0
    assert decision.expected["profit_per_1000"] == {"mean": 0, "low": 0, "high": 0}
    assert min(point["profit_per_1000"] for point in decision.curve[1:]) < 0


def test_everybody_is_contacted_if_an_offer_is_free() -> None:
    decision = choose(**(MONEY | {"cost_of_offer": 0.0}))
    assert decision.expected["contacted_per_1000"]["mean"] == 1000


def test_a_share_is_contacted_whatever_it_earns() -> None:
    decision = choose(threshold="share", share=0.1)
    _, scores, _ = sample()
    assert np.mean(np.round(scores, 6) >= decision.threshold) == pytest.approx(0.1, abs=1e-3)
    assert (decision.method, decision.share, decision.money) == ("share", 0.1, None)


def test_a_configured_threshold_is_kept_and_its_result_reported() -> None:
    decision = choose(threshold=0.6, **MONEY)
    assert (decision.threshold, decision.method, decision.may_move) == (0.6, "fixed", False)
    assert decision.observed_best.threshold < 0.3
    earned = decision.expected["profit_per_customer"]["mean"]
    assert earned < decision.observed_best.point["profit_per_customer"]


@pytest.mark.parametrize("keys", [{}, MONEY, {"threshold": "share", "share": 0.2}])
def test_every_chosen_threshold_may_be_moved_by_the_parity_gate(keys: dict[str, Any]) -> None:
    decision = choose(**keys)
    assert decision.may_move


def test_the_expected_result_is_the_mean_over_the_folds_with_its_interval() -> None:
    labels, scores, fold = sample()
    decision = choose(threshold=0.3, **MONEY)
    profits = [
        ((scores[r] >= 0.3) * (150 * labels - 20))[fold[r] == number].mean()
        for r in range(2)
        for number in range(3)
    ]
    interval = decision.expected["profit_per_customer"]
    assert interval["mean"] == pytest.approx(np.mean(profits), abs=1e-6)
    half = 2.570582 * np.sqrt((1 / 6 + 1 / 2) * np.var(profits, ddof=1))
    assert interval["high"] - interval["mean"] == pytest.approx(half, abs=1e-4)


@pytest.mark.parametrize("keys", [{}, MONEY, {"threshold": "share", "share": 0.2}])
def test_the_same_scores_give_the_same_decision(keys: dict[str, Any]) -> None:
    assert choose(**keys).to_dict() == choose(**keys).to_dict()
