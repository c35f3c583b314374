"""Drift counts of parts in any order equal the counts of the whole table, counted value by value."""

from __future__ import annotations

import json
from dataclasses import asdict
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as some

from churn_core.schema import CategoryFeature, Contract, NumberFeature
from churn_core.scoring.drift.counter import DriftCounter, DriftCounts, count_codes, count_numbers
from churn_core.scoring.drift.performance_estimate import PerformanceEstimate
from churn_core.scoring.drift.profile import ColumnProfile, ScoreProfile, TrainingProfile
from churn_core.scoring.drift.score_counts import SCORE_STEPS

MANY = tuple(f"v{code}" for code in range(40))
CONTRACT = Contract(
    (
        NumberFeature("n", -1e9, 1e9, nullable=True),
        CategoryFeature("few", ("a", "b")),
        CategoryFeature("many", MANY),
    ),
    *("left", "yes", "no"),
)
FLOATS = some.floats(width=32, allow_nan=False, allow_infinity=False)
NUMBERS = some.one_of(FLOATS, some.just(float("nan")), some.sampled_from([-1.0, 0.0, -0.0, 1.0, 2.0]))
ROWS = some.lists(
    some.tuples(NUMBERS, some.integers(0, 3), some.integers(0, 41), some.integers(0, 1_000_000)), max_size=60
)
EDGES = some.lists(FLOATS, unique=True, max_size=11).map(sorted).map(tuple)


ESTIMATE = PerformanceEstimate(0.8, 0.3, None, 0.5, 0.6)


def profile(edges: tuple[float, ...]) -> TrainingProfile:
    low, high = (edges[0], edges[-1]) if edges else (0.0, 0.0)
    number = ColumnProfile((0,) * (len(edges) + 4), edges, low, high)
    scores = ScoreProfile((0.25, 0.5), (1, 1, 1), 0.4, 0.3, 0.2, ESTIMATE)
    categories = (ColumnProfile((0,) * 4), ColumnProfile((0,) * 42))
    metrics = dict.fromkeys(("roc_auc", "precision", "recall", "f1"), 0.5)
    return TrainingProfile(3, (number, *categories), scores, metrics)


def count(counter: DriftCounter, rows: list[tuple[float, int, int, int]]) -> DriftCounts:
    matrix = np.array([row[:3] for row in rows], dtype=np.float32).reshape(-1, 3)
    return counter.count(np.ascontiguousarray(matrix.T), np.array([row[3] for row in rows]) / 1e6)


def plain(counts: DriftCounts) -> str:
    return json.dumps(asdict(counts), default=lambda value: value.tolist(), sort_keys=True)


@given(ROWS, EDGES, some.lists(some.integers(0, 60), max_size=4), some.randoms())
def test_counts_of_parts_in_any_order_add_up_to_those_of_the_whole(
    rows: list[tuple[float, int, int, int]], edges: tuple[float, ...], cuts: list[int], random: object
) -> None:
    counter = DriftCounter(CONTRACT, profile(edges), 0.5)
    ends = sorted({0, len(rows), *(min(cut, len(rows)) for cut in cuts)})
    parts = [rows[a:b] for a, b in pairwise(ends)]
    random.shuffle(parts)  # type: ignore[attr-defined]
    total = counter.empty_counts()
    for part in parts:
        total.add(count(counter, part))
    assert plain(total) == plain(count(counter, rows)) if rows else total.rows == 0


@given(ROWS, EDGES)
def test_every_row_is_counted_where_its_value_belongs(
    rows: list[tuple[float, int, int, int]], edges: tuple[float, ...]
) -> None:
    shape = profile(edges)
    found = count(DriftCounter(CONTRACT, shape, 0.5), rows)
    number = shape.columns[0]
    expected = [0] * len(number.counts)
    for value in (np.float32(row[0]) for row in rows):
        if np.isnan(value):
            expected[-1] += 1
        elif value < np.float32(number.low):
            expected[0] += 1
        elif value > np.float32(number.high):
            expected[-2] += 1
        else:
            expected[1 + sum(value >= np.float32(edge) for edge in edges)] += 1
    assert found.columns[0].tolist() == expected
    assert found.columns[1].tolist() == [sum(row[1] == code for row in rows) for code in range(4)]
    assert found.columns[2].tolist() == [sum(row[2] == code for row in rows) for code in range(42)]
    scores = [row[3] for row in rows]
    assert found.intervals.tolist() == [
        sum(score < 250_000 for score in scores),
        sum(250_000 <= score < 500_000 for score in scores),
        sum(score >= 500_000 for score in scores),
    ]
    assert found.rows == len(rows)
    assert int(found.scores.millionths.sum()) == sum(scores)
    assert len(found.scores.rows) == SCORE_STEPS + 1
    assert found.scores.flagged.customers == sum(score >= 500_000 for score in scores)
    assert found.scores.flagged.millionths == sum(score for score in scores if score >= 500_000)


@given(some.lists(some.integers(0, 30), min_size=1, max_size=80), some.integers(31, 60))
def test_both_ways_of_counting_codes_agree(codes: list[int], many: int) -> None:
    values = np.array(codes, dtype=np.float32)
    assert count_codes(values, many)[:31].tolist() == [codes.count(code) for code in range(31)]
    small = np.array([code % 5 for code in codes], dtype=np.float32)
    assert count_codes(small, 5).tolist() == count_codes(small, 50)[:5].tolist()


def test_a_column_without_training_values_has_one_interval() -> None:
    values = np.array([1, np.nan, 2], dtype=np.float32)
    assert count_numbers(values, ColumnProfile((0, 0, 0, 9))).tolist() == [0, 2, 0, 1]


@settings(max_examples=30)
@given(EDGES)
def test_a_written_profile_is_read_back(edges: tuple[float, ...]) -> None:
    shape = profile(edges)
    written = json.loads(json.dumps(shape.to_dict(CONTRACT.names)))
    assert TrainingProfile.from_dict(written, shape.metrics, CONTRACT) == shape
