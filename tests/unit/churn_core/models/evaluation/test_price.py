"""The sentence that says what an explanation costs."""

from __future__ import annotations

import numpy as np
import pytest

from churn_core.models.evaluation.cross_validation import OutOfFold
from churn_core.models.evaluation.price import Gain, gain, price_sentence

EXACT = frozenset({"additive"})
MORE = Gain(31.2, {"mean": 0.012, "low": 0.007, "high": 0.018})


def sentence(taken: str, other: str, behind: float, error: float, gained: Gain = MORE) -> str:
    return price_sentence(taken, other, behind=behind, error=error, gained=gained, exact=EXACT)


def test_a_family_without_exact_reasons_says_how_many_more_leavers_it_finds() -> None:
    assert sentence("boosting", "additive", -0.01, 0.002) == (
        "boosting finds 31 more leavers among 1,000 customers contacted than additive"
        " (+0.0120 ROC AUC [+0.0070, +0.0180]); model.type: additive would give exact reasons instead."
    )


def test_where_no_more_leavers_are_found_the_log_loss_is_named() -> None:
    none = Gain(-0.4, MORE.area)
    assert "has a log loss lower by 0.0100 than additive" in sentence(
        "boosting", "additive", -0.01, 0.1, none
    )


@pytest.mark.parametrize(
    ("behind", "error", "expected"),
    [
        (
            0.0004,
            0.002,
            "loses 0.0004 log loss to boosting, which can't be told apart, and",
        ),
        (0.0009, 0.0002, "loses 0.0009 log loss to boosting, and"),
        (-0.003, 0.001, "is the best of the families compared, and"),
    ],
)
def test_a_family_with_exact_reasons_says_what_they_cost(behind: float, error: float, expected: str) -> None:
    assert sentence("additive", "boosting", behind, error) == f"additive {expected} explains exactly."


def test_leavers_are_counted_among_the_highest_scores() -> None:
    labels = np.array([1, 1, 0, 0, 1, 0, 0, 0])
    fold = np.array([[0, 1] * 4])
    right = OutOfFold(labels[None, :] * 2.0 - 1, fold, labels)
    wrong = OutOfFold(1 - labels[None, :] * 2.0, fold, labels)
    found = gain(right, wrong, contacted=3 / 8, test_share=1)
    assert found.leavers == pytest.approx(1_000)
    assert found.area["mean"] == 1.0
