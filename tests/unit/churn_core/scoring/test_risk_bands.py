"""Risk bands agree with the decision."""

from __future__ import annotations

import pytest

from churn_core.scoring.money import NOBODY
from churn_core.scoring.risk_bands import risk_bands


@pytest.mark.parametrize(
    ("threshold", "medium", "high"),
    [(0.1, 0.1, 0.6), (0.3, 0.3, 0.65), (0.123456, 0.123456, 0.6), (0.9, 0.9, 0.95), (0.2, 0.2, 0.6)],
)
def test_medium_begins_at_the_threshold_and_high_halfway_to_one(
    threshold: float, medium: float, high: float
) -> None:
    assert risk_bands(threshold) == {"medium": medium, "high": high}


@pytest.mark.parametrize("threshold", [0.000001, 0.5, 0.999998, 0.999999, 1.0, NOBODY])
def test_the_bands_are_in_order_and_inside_the_scores(threshold: float) -> None:
    bands = risk_bands(threshold)
    assert 0 < bands["medium"] < bands["high"] < 1
    assert bands["medium"] <= threshold


def test_declared_bands_are_kept_unless_a_customer_to_contact_would_have_low_risk() -> None:
    assert risk_bands(0.5, 0.3, 0.7) == {"medium": 0.3, "high": 0.7}
    assert risk_bands(0.2, 0.3, 0.7) == {"medium": 0.2, "high": 0.7}
    assert risk_bands(0.2, None, 0.9) == {"medium": 0.2, "high": 0.9}
