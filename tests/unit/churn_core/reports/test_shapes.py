"""Contributions summarised by value, as the report shows them."""

from __future__ import annotations

import numpy as np
import pytest

from churn_core.reports.shapes import INTERVALS, value_effects
from churn_core.schema import CategoryFeature, NumberFeature

NUMBER = NumberFeature("price", 0, 100)
PLAN = CategoryFeature("plan", ("basic", "gold"), nullable=True)


def test_intervals_of_a_number_increase_and_cover_every_customer() -> None:
    values = np.linspace(0, 100, 2_000, dtype=np.float32)
    effects = value_effects(NUMBER, values, values / np.float32(10))
    assert len(effects) == INTERVALS
    positions = [effect.position for effect in effects]
    assert positions == sorted(positions)
    assert sum(effect.share for effect in effects) == pytest.approx(1)
    for effect in effects:
        assert effect.mean == pytest.approx(effect.position / 10, rel=1e-3)
        assert effect.low <= effect.mean <= effect.high


def test_missing_numbers_have_an_effect_of_their_own() -> None:
    values = np.array([1, 2, np.nan, np.nan], dtype=np.float32)
    *present, missing = value_effects(NUMBER, values, np.array([0.5, 0.5, -1, -2], dtype=np.float32))
    assert [effect.mean for effect in present] == [0.5, 0.5]
    assert (missing.label, missing.share, missing.mean) == ("(missing)", 0.5, -1.5)
    (only,) = value_effects(NUMBER, values[2:], np.zeros(2, dtype=np.float32))
    assert only.label == "(missing)"


def test_category_values_are_sorted_by_contribution() -> None:
    codes = np.repeat([0, 1, 1, PLAN.missing_code], 10).astype(np.float32)
    effects = value_effects(PLAN, codes, np.repeat([-0.4, 0.9, 0.7, 3.0], 10).astype(np.float32))
    assert [effect.label for effect in effects] == ["gold", "basic", "(missing)"]
    assert effects[0].mean == pytest.approx(0.8)
    assert effects[0].share == 0.5


def test_values_of_few_customers_are_shown_together() -> None:
    codes = np.array([0] * 10 + [1] * 9, dtype=np.float32)
    effects = value_effects(PLAN, codes, codes)
    assert [effect.label for effect in effects] == ["basic", "(rare values)"]
