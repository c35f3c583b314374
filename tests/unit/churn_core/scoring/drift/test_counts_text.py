"""The text of drift counts: its exact form, and which numbers are counts."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import numpy as np
import pytest

from churn_core.scoring.drift.counts_text import DriftCountsError, drift_counts_text, read_drift_counts
from tests.unit.churn_core.scoring.drift.test_report import CONTRACT, PROFILE, count

LARGEST = 2**53 - 1


def few() -> dict[str, Any]:
    """Return the content of the text of four customers."""
    counts = count(
        spent=np.array([0.0, 1, 300, np.nan]), plan=np.zeros(4), scores=np.array([0.5, 0.25, 0, 1])
    )
    content: dict[str, Any] = json.loads(drift_counts_text(counts))
    return content


def read(content: dict[str, Any]) -> None:
    read_drift_counts(json.dumps(content), CONTRACT, PROFILE)


def test_the_text_is_compact_json_with_names_as_they_are() -> None:
    counts = count(
        spent=np.array([0.0, 1, 300, np.nan]), plan=np.zeros(4), scores=np.array([0.5, 0.25, 0, 1])
    )
    counts.refused = {"größe": Counter(missing=2, not_a_number=1), "spent": Counter()}
    assert drift_counts_text(counts) == (
        '{"format":1,"columns":[[0,2,1,0,0,0,1],[4,0,0,0]],"intervals":[1,1,1,1],'
        '"refused":{"größe":{"missing":2,"not_a_number":1}},'
        '"scores":[[0,1,0],[250,1,250000],[500,1,500000],[1000,1,1000000]],'
        '"flagged":[2,1500000]}'
    )


@pytest.mark.parametrize("number", [0, 1, LARGEST])
def test_whole_numbers_below_two_to_the_power_of_53_are_counts(number: int) -> None:
    content = few()
    content["columns"][1][0] = number
    content["flagged"][1] = number
    read(content)


@pytest.mark.parametrize("number", [-1, LARGEST + 1, 1.0, 0.5, True, "1", None, [1]])
@pytest.mark.parametrize("member", ["columns", "intervals", "scores", "flagged"])
def test_everything_else_is_refused(member: str, number: Any) -> None:
    content = few()
    place = content[member]
    while isinstance(place[-1], list):
        place = place[-1]
    place[-1] = number
    with pytest.raises(DriftCountsError):
        read(content)


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_another_format_is_refused(version: Any) -> None:
    with pytest.raises(DriftCountsError, match="format"):
        read(few() | {"format": version})


@pytest.mark.parametrize(
    ("step", "accepted"), [(0, True), (1_000, True), (1_001, False), (-1, False), (0.5, False)]
)
def test_scores_are_counted_in_steps_of_a_thousandth(step: Any, accepted: bool) -> None:
    content = few() | {"scores": [[step, 1, 1]]}
    if accepted:
        read(content)
    else:
        with pytest.raises(DriftCountsError):
            read(content)


@pytest.mark.parametrize(
    "refused",
    [{"city": {"missing": 1}}, {"plan": {"nonsense": 1}}, {"plan": {"missing": -1}}, {"plan": 1}, []],
)
def test_refused_values_are_those_of_the_contracts_columns_and_known_codes(refused: Any) -> None:
    read(few() | {"refused": {"plan": {"missing": 1}}})
    with pytest.raises(DriftCountsError):
        read(few() | {"refused": refused})
