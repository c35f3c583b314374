"""The population stability index, its noise and its levels."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from churn_core.scoring.drift.stability_index import (
    MAJOR,
    MODERATE,
    chi_squared_quantile,
    population_stability_index,
    shift,
)


def rows(*counts: float) -> np.ndarray:
    return np.array(counts, dtype=np.float64)


def test_the_index_equals_a_hand_calculation() -> None:
    # After adding half a row to each interval, the shares are 1/2, 1/2 and 1/4, 3/4.
    expected = (1 / 4 - 1 / 2) * math.log(1 / 2) + (3 / 4 - 1 / 2) * math.log(3 / 2)
    assert population_stability_index(rows(7, 7), rows(2, 7)) == pytest.approx(expected)
    # The shares are 1/4, 1/2, 1/4 and 1/2, 1/4, 1/4: one doubled, one halved.
    assert population_stability_index(rows(1.5, 3.5, 1.5), rows(3.5, 1.5, 1.5)) == pytest.approx(
        math.log(2) / 2
    )


def test_the_index_is_symmetric_and_zero_for_equal_shares() -> None:
    before, now = rows(10, 0, 5), rows(3, 8, 90)
    there, back = population_stability_index(before, now), population_stability_index(now, before)
    assert there == pytest.approx(back)
    assert population_stability_index(before, before) == 0


@pytest.mark.parametrize(
    ("before", "now"), [((10**9, 0), (0, 10**9)), ((1, 0), (0, 1)), ((0, 0), (0, 5)), ((3, 1), (0, 0))]
)
def test_the_index_is_always_finite(before: tuple[int, ...], now: tuple[int, ...]) -> None:
    measured = shift(rows(*before), rows(*now), 0.01)
    assert math.isfinite(measured.psi)
    assert measured.noise is None or math.isfinite(measured.noise)


def test_a_table_without_rows_is_stable() -> None:
    assert shift(rows(5, 6), rows(0, 0), 0.01) == shift(rows(0, 0), rows(5, 6), 0.01)
    assert (shift(rows(5, 6), rows(0, 0), 0.01).psi, shift(rows(5, 6), rows(0, 0), 0.01).noise) == (0, None)


@pytest.mark.parametrize("probability", [0.95, 0.99, 0.9995])
@pytest.mark.parametrize("degrees", [1, 2, 5, 11, 32])
def test_the_quantile_is_near_the_exact_one(degrees: int, probability: float) -> None:
    exact = stats.chi2.ppf(probability, degrees)
    assert chi_squared_quantile(probability, degrees) == pytest.approx(exact, rel=0.05)


@pytest.mark.parametrize(
    ("share", "level"),
    [(0.5, "stable"), (0.6, "stable"), (0.68, "moderate"), (0.72, "moderate"), (0.8, "major")],
)
def test_levels_of_large_tables_follow_the_customary_bounds(share: float, level: str) -> None:
    many = 10**6
    measured = shift(rows(many / 2, many / 2), rows(many * share, many * (1 - share)), 0.001)
    assert measured.level == level
    assert (measured.psi >= MODERATE, measured.psi >= MAJOR) == (level != "stable", level == "major")


def test_the_same_shares_in_a_small_table_are_chance() -> None:
    assert shift(rows(5_000, 5_000), rows(8, 2), 0.001).level == "stable"
    assert shift(rows(5_000, 5_000), rows(80, 20), 0.001).level == "major"


SHARES = {
    "deciles": np.full(10, 0.1),
    "two values": np.array([0.9, 0.1]),
    "twenty values": 1 / np.arange(1, 21) / (1 / np.arange(1, 21)).sum(),
}


@pytest.mark.parametrize("name", SHARES)
@pytest.mark.parametrize("size", [5, 20, 60, 250, 2_000])
def test_chance_is_reported_as_drift_at_most_as_often_as_promised(name: str, size: int) -> None:
    random = np.random.default_rng(size)
    tables, promised = 3_000, 0.01
    before = random.multinomial(500, SHARES[name], tables).astype(np.float64)
    now = random.multinomial(size, SHARES[name], tables).astype(np.float64)
    measured = [shift(one, other, promised) for one, other in zip(before, now, strict=True)]
    # At most the promised share exceeds the noise, plus three standard errors of 3,000 tables.
    bound = promised + 3 * math.sqrt(promised / tables)
    assert np.mean([m.psi > (m.noise or 0) for m in measured]) <= bound
    assert np.mean([m.level != "stable" for m in measured]) <= bound


def test_the_noise_is_not_much_larger_than_needed() -> None:
    random = np.random.default_rng(3)
    tables = random.multinomial(300, SHARES["deciles"], (3_000, 2)).astype(np.float64)
    beyond = [m.psi > (m.noise or 0) for m in (shift(one, other, 0.05) for one, other in tables)]
    assert np.mean(beyond) == pytest.approx(0.05, abs=0.015)
