"""Drift counts of files, written as text and read back, add up to the counts of all rows."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from churn_core.errors import REJECT_CODES
from churn_core.scoring.drift.counter import DriftCounter, DriftCounts
from churn_core.scoring.drift.counts_text import DriftCountsError, drift_counts_text, read_drift_counts
from tests.property.test_drift_counts import CONTRACT, ROWS, count, plain, profile

PROFILE = profile((0.0, 1.0, 2.0))
COUNTER = DriftCounter(CONTRACT, PROFILE, 0.5)
REFUSED = some.dictionaries(
    some.sampled_from(CONTRACT.names),
    some.dictionaries(some.sampled_from(REJECT_CODES), some.integers(1, 99), min_size=1),
)
ONE_ROW: list[tuple[float, int, int, int]] = [(1.5, 2, 7, 654_321)]


def through_text(counts: DriftCounts) -> DriftCounts:
    return read_drift_counts(drift_counts_text(counts), CONTRACT, PROFILE)


@given(ROWS, some.lists(some.integers(0, 60), max_size=4))
def test_counts_of_several_files_add_up_to_those_of_one_file_with_all_rows(
    rows: list[tuple[float, int, int, int]], cuts: list[int]
) -> None:
    ends = sorted({0, len(rows), *(min(cut, len(rows)) for cut in cuts)})
    total = COUNTER.empty_counts()
    for first, last in pairwise(ends):
        total.add(through_text(count(COUNTER, rows[first:last])))
    whole = count(COUNTER, rows) if rows else COUNTER.empty_counts()
    assert plain(total) == plain(whole)
    assert drift_counts_text(total) == drift_counts_text(whole)


@given(REFUSED, REFUSED)
def test_refused_rows_add_up_too(one: dict[str, dict[str, int]], other: dict[str, dict[str, int]]) -> None:
    total: dict[str, dict[str, int]] = {}
    summed = COUNTER.empty_counts()
    for refused in (one, other):
        counts = COUNTER.empty_counts()
        counts.refused = {name: Counter(codes) for name, codes in refused.items()}
        summed.add(through_text(counts))
        for name, codes in refused.items():
            for code, rows in codes.items():
                total.setdefault(name, {})[code] = total.get(name, {}).get(code, 0) + rows
    assert {name: dict(codes) for name, codes in summed.refused.items()} == total


def changed(**members: Any) -> str:
    return json.dumps(json.loads(drift_counts_text(count(COUNTER, ONE_ROW))) | members)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        changed(format=2),
        changed(columns=[]),
        changed(columns=[[1], [1], [1]]),
        changed(intervals=[1, 0]),
        changed(intervals=[-1, 1, 1]),
        changed(intervals=[0.5, 0, 0]),
        changed(intervals=[True, 0, 0]),
        changed(intervals=[2**53, 0, 0]),
        changed(intervals="abc"),
        changed(scores=[[1_001, 1, 1]]),
        changed(scores=[[1, 1]]),
        changed(flagged=[0]),
        changed(refused={"nobody": {"missing": 1}}),
        changed(refused={"n": {"other": 1}}),
        changed(refused={"n": {"missing": -1}}),
        changed(refused=[1]),
        "[" * 100_000,
    ],
)
def test_text_without_counts_for_this_profile_is_refused(text: str) -> None:
    with pytest.raises(DriftCountsError):
        read_drift_counts(text, CONTRACT, PROFILE)


def test_the_length_of_the_text_is_limited_by_the_model() -> None:
    everywhere = np.linspace(0, 1, 200_000)
    counts = COUNTER.count(np.ones((3, 200_000), dtype=np.float32), np.round(everywhere, 6))
    for _ in range(20):
        counts.add(counts)
    assert counts.rows == 200_000 * 2**20
    assert len(drift_counts_text(counts)) < 40_000
