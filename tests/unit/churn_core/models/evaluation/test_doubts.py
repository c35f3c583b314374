"""Doubts about a model are said: chance, too good to be true, too few customers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from churn_core.data.inspection.traps.few_leavers import FEWEST_CUSTOMERS, few_leavers_message
from churn_core.models.evaluation.doubts import (
    TOO_GOOD_AREA,
    doubt_evaluation,
    doubt_training,
    is_chance,
)


def labels(positive: int, negative: int) -> Any:
    return np.r_[np.ones(positive, dtype=np.int64), np.zeros(negative, dtype=np.int64)]


def area(mean: float, half: float) -> dict[str, float]:
    return {"mean": mean, "low": mean - half, "high": mean + half}


@pytest.mark.parametrize(
    ("measured", "rules"),
    [
        *((area(0.8, 0.05), []), (area(0.97, 0.01), []), (area(0.53, 0.02), [])),
        *((area(0.52, 0.03), ["no_better_than_chance"]), (area(0.45, 0.03), ["no_better_than_chance"])),
        (area(TOO_GOOD_AREA, 0.01), ["too_good"]),
    ],
)
def test_a_model_no_better_than_chance_or_too_good_is_doubted(
    measured: dict[str, float], rules: list[str]
) -> None:
    doubts = doubt_training(measured, labels(300, 900))
    assert [doubt.rule for doubt in doubts] == rules
    assert is_chance(doubts) == ("no_better_than_chance" in rules)


def test_on_other_customers_the_interval_depends_on_their_number() -> None:
    assert is_chance(doubt_evaluation(0.6, labels(20, 60)))
    assert not is_chance(doubt_evaluation(0.6, labels(300, 900)))
    assert "lies below 0.5" in str(doubt_evaluation(0.3, labels(300, 900))[0])


@pytest.mark.parametrize(
    ("positive", "negative", "who"), [(19, 900, "19 customers who left"), (900, 7, "stayed")]
)
def test_too_few_customers_of_a_label_are_said(positive: int, negative: int, who: str) -> None:
    for doubts in (
        doubt_training(area(0.8, 0.05), labels(positive, negative)),
        doubt_evaluation(0.99, labels(positive, negative)),
    ):
        assert [doubt.rule for doubt in doubts] == ["few_leavers"]
        assert who in str(doubts[0])
    assert few_leavers_message(FEWEST_CUSTOMERS, FEWEST_CUSTOMERS) is None
