"""Reasons are features with a positive contribution, ranked by it."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

from churn_core.scoring.reasons import TOP_REASONS, rank_reasons


def reasons(*contributions: float) -> list[int]:
    """Return the positions of one customer's reasons."""
    ranked = rank_reasons(np.array([contributions], dtype=np.float32))
    return [int(position) for position in ranked.positions[0, : ranked.counts[0]]]


@pytest.mark.parametrize(
    ("contributions", "positions"),
    [
        ((0.1, 0.4, 0.3, 0.2), [1, 2, 3]),
        ((0.1, -0.4, 0.3, -0.2), [2, 0]),
        ((-0.1, -0.4), []),
        ((0.0, -0.0), []),
        ((0.5,), [0]),
        ((0.2, 0.2, 0.2, 0.2), [0, 1, 2]),
        ((1e-45, 3e38), [1, 0]),
        ((1.0, np.nextafter(np.float32(1), np.float32(2))), [1, 0]),
    ],
)
def test_at_most_three_positive_contributions_largest_first_ties_in_contract_order(
    contributions: tuple[float, ...], positions: list[int]
) -> None:
    assert reasons(*contributions) == positions


def test_a_thousand_features_are_ranked_in_order() -> None:
    assert reasons(*np.linspace(0.001, 1, 1000)) == [999, 998, 997]
    assert reasons(*([0.25] * 1000)) == [0, 1, 2]


def test_all_reasons_list_every_feature_of_either_sign() -> None:
    row = np.array([-0.5, 0.25, 0.0, -0.5], dtype=np.float32)
    ranked = rank_reasons(row[None, :], all_reasons=True)
    assert ranked.positions.tolist() == [[1, 2, 0, 3]]
    assert ranked.contributions.tolist() == [[0.25, 0.0, -0.5, -0.5]]
    assert ranked.counts.tolist() == [4]


def test_contributions_are_rounded_to_six_decimals() -> None:
    ranked = rank_reasons(np.array([[0.1234567, -1e-9]], dtype=np.float32), all_reasons=True)
    assert str(ranked.contributions.tolist()) == "[[0.123457, 0.0]]"


def test_no_rows_have_no_reasons() -> None:
    ranked = rank_reasons(np.empty((0, 5), dtype=np.float32))
    assert ranked.positions.shape == (0, TOP_REASONS)
    assert ranked.counts.tolist() == []


def test_the_contributions_themselves_are_not_changed() -> None:
    contributions = np.array([[0.5, -0.5, 0.25]], dtype=np.float32)
    before = contributions.copy()
    rank_reasons(contributions)
    np.testing.assert_array_equal(contributions, before)


@pytest.mark.parametrize("all_reasons", [False, True])
@pytest.mark.parametrize("order", ["C", "F"])
def test_ranking_equals_a_stable_sort_of_each_row(order: Literal["C", "F"], all_reasons: bool) -> None:
    generator = np.random.default_rng(7)
    # Rounded, so that there are ties; some rows have fewer than three positive features, some none.
    contributions = np.round(generator.normal(-0.5, 0.4, (5_000, 6)), 1).astype(np.float32, order=order)
    contributions[:10] = -1e-9
    contributions[10:20] = [0.0, -0.0, 0.0, -0.0, 3e38, -3e38]
    ranked = rank_reasons(contributions, all_reasons)
    for row, values in enumerate(contributions.tolist()):
        expected = sorted(range(6), key=lambda position: -values[position])
        if not all_reasons:
            expected = [position for position in expected[:TOP_REASONS] if values[position] > 0]
        assert ranked.positions[row, : ranked.counts[row]].tolist() == expected
        shown = ranked.contributions[row, : ranked.counts[row]].tolist()
        assert shown == [round(values[position] * 1e6) / 1e6 for position in expected]


@pytest.mark.parametrize("value", [1.0, 0.5, 1e-45, 3e38])
def test_neighbouring_floats_are_ranked_in_order_on_both_sides_of_zero(value: float) -> None:
    larger = np.nextafter(np.float32(value), np.float32(np.inf))
    pairs = np.array([[value, larger], [-larger, -value]], dtype=np.float32)
    assert rank_reasons(pairs, all_reasons=True).positions.tolist() == [[1, 0], [1, 0]]
