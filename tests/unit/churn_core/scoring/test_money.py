"""The expected profit of a contact: the formula, its rounding, and the break-even threshold."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn_core.scoring.money import NOBODY, Flagged, Money

MONEY = Money(value_of_customer=500, cost_of_offer=20, success_rate=0.3)

moneys = st.builds(
    Money,
    value_of_customer=st.floats(0.01, 1e6),
    cost_of_offer=st.floats(0, 1e6),
    success_rate=st.floats(0.001, 1),
)


def test_the_expected_profit_by_hand() -> None:
    profit = MONEY.expected_profit(np.array([0.0, 0.1, 0.5, 1.0]))
    assert profit.tolist() == [-20.0, -5.0, 55.0, 130.0]
    assert MONEY.break_even == pytest.approx(20 / 150)


def test_amounts_have_six_decimals_and_no_negative_zero() -> None:
    fine = Money(1, 0.2, 0.3333333)
    assert fine.expected_profit(np.array([0.654321])).tolist() == [0.018107]
    (nothing,) = Money(1, 0.5, 1).expected_profit(np.array([0.4999999])).tolist()
    assert math.copysign(1, nothing) == 1


@pytest.mark.parametrize(
    ("money", "threshold"),
    [
        (MONEY, 0.133334),
        (Money(1000, 300, 1), 0.3),
        (Money(100, 0, 0.5), 0.000001),
        (Money(100, 100, 1), 1.0),
        (Money(100, 100.01, 1), NOBODY),
        (Money(1e-3, 1e9, 1e-3), NOBODY),
    ],
)
def test_the_break_even_threshold(money: Money, threshold: float) -> None:
    assert money.break_even_threshold == threshold


@given(money=moneys)
def test_at_the_break_even_a_contact_pays_and_a_millionth_below_it_does_not(money: Money) -> None:
    threshold = money.break_even_threshold
    exact = money.success_rate * money.value_of_customer
    slack = 1e-8 * exact
    if threshold <= 1:
        assert threshold * exact - money.cost_of_offer >= -slack
    if 0 < threshold <= 1:
        assert (threshold - 1e-6) * exact - money.cost_of_offer < slack
    if threshold > 1:
        assert exact < money.cost_of_offer + slack


@given(money=moneys, more=st.floats(0, 1e6))
def test_a_more_expensive_offer_never_lowers_the_threshold(money: Money, more: float) -> None:
    dearer = Money(money.value_of_customer, money.cost_of_offer + more, money.success_rate)
    assert dearer.break_even_threshold >= money.break_even_threshold


@pytest.mark.parametrize(
    "values",
    [(0, 1, 0.5), (1, -1, 0.5), (1, 1, 0), (1, 1, 1.1), (math.nan, 1, 1), (1, math.inf, 1), (5e-324, 1, 0.1)],
)
def test_invalid_money_values_are_refused(values: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="above 0"):
        Money(*values)


def test_the_sum_of_scores_does_not_depend_on_their_order() -> None:
    scores = np.round(np.random.default_rng(1).random(10_000), 6)
    scores[0] = 0.4
    together = Flagged.count(scores, 0.4)
    assert together.customers == np.count_nonzero(scores >= 0.4)
    parts = [Flagged.count(part, 0.4) for part in (scores[7_000:], scores[:3_000], scores[3_000:7_000])]
    assert parts[0] + parts[1] + parts[2] == together
    expected = MONEY.expected_profit(scores[scores >= 0.4]).sum()
    assert together.expected_profit(MONEY) == pytest.approx(expected, abs=0.02)
    assert Flagged().expected_profit(MONEY) == 0


def test_money_is_read_from_a_manifest_as_it_was_written() -> None:
    money = Money(value_of_customer=500, cost_of_offer=20.5, success_rate=0.25)
    assert Money.from_dict(money.to_dict()) == money


@pytest.mark.parametrize(
    "change",
    [
        {"success_rate": 0},
        {"success_rate": 1.5},
        {"cost_of_offer": -1},
        {"value_of_customer": 0},
        {"value_of_customer": "x"},
    ],
)
def test_money_outside_of_its_limits_is_not_read(change: dict[str, Any]) -> None:
    content = {"value_of_customer": 500, "cost_of_offer": 20, "success_rate": 0.25}
    with pytest.raises(ValueError, match=r"must be above 0|could not convert"):
        Money.from_dict(content | change)
