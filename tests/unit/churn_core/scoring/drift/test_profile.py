"""How the distribution of a column is written into a manifest, and read back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from churn_core.scoring.drift.profile import ColumnProfile

CATEGORY = ColumnProfile((700, 300, 0, 2))
NUMBER = ColumnProfile((0, 250, 250, 500, 0, 3), (250.0, 500.0), 0.0, 999.0)
CONSTANT = ColumnProfile((0, 1_000, 0, 0), (), 7.0, 7.0)
ALL_MISSING = ColumnProfile((0, 0, 0, 1_000))


@pytest.mark.parametrize(
    ("profile", "content"),
    [
        (CATEGORY, {"counts": [700, 300, 0, 2]}),
        (NUMBER, {"counts": [0, 250, 250, 500, 0, 3], "edges": [250.0, 500.0], "low": 0.0, "high": 999.0}),
        (CONSTANT, {"counts": [0, 1_000, 0, 0], "edges": [], "low": 7.0, "high": 7.0}),
        (ALL_MISSING, {"counts": [0, 0, 0, 1_000]}),
    ],
)
def test_a_column_is_written_with_its_counts_and_a_number_with_its_edges_and_ends(
    profile: ColumnProfile, content: dict[str, Any]
) -> None:
    assert profile.to_dict() == content
    assert ColumnProfile.from_dict(json.loads(json.dumps(content))) == profile


@pytest.mark.parametrize(("count", "accepted"), [(0, True), (2**53 - 1, True), (2**53, False), (-1, False)])
def test_counts_are_below_two_to_the_power_of_53(count: int, accepted: bool) -> None:
    if accepted:
        assert ColumnProfile.from_dict({"counts": [count]}).counts == (count,)
    else:
        with pytest.raises(ValueError, match="negative or too large"):
            ColumnProfile.from_dict({"counts": [count]})


@pytest.mark.parametrize("edges", [[1.0, 1.0], [2.0, 1.0], [1.0, float("inf")], [float("nan")]])
def test_edges_must_rise_and_be_finite(edges: list[float]) -> None:
    with pytest.raises(ValueError, match="edges must be finite"):
        ColumnProfile.from_dict({"counts": [1], "edges": edges})
