"""A reason is a feature that pushes towards leaving."""

from __future__ import annotations

import numpy as np
import pytest

from churn_core.scoring.reasons import ranked_reasons, top_positions


def named(row: np.ndarray) -> list[int]:
    """Return the positions of one customer's reasons."""
    ranked = ranked_reasons(row[None, :])
    positions: list[int] = ranked.positions[0, : ranked.counts[0]].tolist()
    return positions


def both(*contributions: float) -> list[int]:
    """Return the positions of the reasons, which both ways of finding them agree on."""
    row = np.array(contributions, dtype=np.float32)
    one = named(row)
    many = [int(place[0]) for place in top_positions(row[None, :])]
    assert many == one + [-1] * (3 - len(one))
    return one


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
def test_at_most_three_that_push_largest_first_ties_in_contract_order(
    contributions: tuple[float, ...], positions: list[int]
) -> None:
    assert both(*contributions) == positions


def test_a_table_of_a_thousand_features_keeps_its_order() -> None:
    assert both(*np.linspace(0.001, 1, 1000)) == [999, 998, 997]
    assert both(*([0.25] * 1000)) == [0, 1, 2]


def test_all_reasons_are_every_feature_whatever_its_sign() -> None:
    row = np.array([-0.5, 0.25, 0.0, -0.5], dtype=np.float32)
    ranked = ranked_reasons(row[None, :], all_reasons=True)
    assert ranked.positions.tolist() == [[1, 2, 0, 3]]
    assert ranked.contributions.tolist() == [[0.25, 0.0, -0.5, -0.5]]
    assert ranked.counts.tolist() == [4]


def test_contributions_are_shown_with_six_decimals() -> None:
    ranked = ranked_reasons(np.array([[0.1234567, -1e-9]], dtype=np.float32), all_reasons=True)
    assert str(ranked.contributions.tolist()) == "[[0.123457, 0.0]]"


def test_no_rows_have_no_reasons() -> None:
    assert [len(place) for place in top_positions(np.empty((0, 5), dtype=np.float32))] == [0, 0, 0]


def test_the_contributions_themselves_are_left_as_they_are() -> None:
    contributions = np.array([[0.5, -0.5, 0.25]], dtype=np.float32)
    before = contributions.copy()
    top_positions(contributions)
    np.testing.assert_array_equal(contributions, before)
