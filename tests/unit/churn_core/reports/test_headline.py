"""The first sentence of a report says what to do."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from churn_core.reports.headline import CHANCE, headline
from churn_core.scoring.money import NOBODY, Money

if TYPE_CHECKING:
    from churn_core.models.evaluation.threshold import Decision
    from churn_core.models.export.prove import ProvedModel


@pytest.fixture(scope="module")
def decision(proved_logistic: ProvedModel) -> Decision:
    return proved_logistic.model.decision


def measured(decision: Decision, profit: float | None) -> Decision:
    interval = {"low": 0.0, "high": 1.0}
    expected = {
        "contacted_per_1000": interval | {"mean": 312.4},
        "precision": interval | {"mean": 0.58},
    }
    if profit is None:
        return replace(decision, expected=expected, money=None)
    expected["profit_per_1000"] = interval | {"mean": profit}
    return replace(decision, expected=expected, money=Money(500, 20, 0.3, "EUR"))


def test_it_says_how_many_to_call_how_many_leave_and_what_that_is_worth(decision: Decision) -> None:
    assert headline(measured(decision, 12_345.6), chance=False) == (
        "Call these 312 of 1,000 customers: 6 of 10 would leave; calling them is worth 12,346 EUR."
    )
    assert "would lose 1.72 EUR" in headline(measured(decision, -1.72), chance=False)


def test_without_money_it_says_how_to_get_there(decision: Decision) -> None:
    assert "put value_of_customer" in headline(measured(decision, None), chance=False)


def test_no_advice_follows_from_chance_or_from_a_threshold_above_every_score(decision: Decision) -> None:
    assert headline(measured(decision, 5.0), chance=True) == CHANCE
    assert headline(replace(decision, threshold=NOBODY), chance=False).startswith("Call nobody")
