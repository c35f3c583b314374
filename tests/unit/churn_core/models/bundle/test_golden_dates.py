"""Dates of artificial customers give the days of encoded rows, or the nearest possible ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from churn_core.features.encoder import encode_table
from churn_core.models.bundle.golden_dates import random_dates, with_possible_days, write_dates
from churn_core.reader_rules import ReaderRules, TextRules
from churn_core.schema import Contract, DaysBetween, NumberFeature
from churn_core.scoring.day_numbers import MOST_DAYS
from churn_core.scoring.records.encoding import RecordEncoder

FORMATS = (("a", "DD.MM.YYYY"), ("c", "YYYY-DD-MM"))


def contract(*pairs: tuple[str, str], nullable: bool = True) -> Contract:
    features = tuple(
        NumberFeature(
            f"days {number}",
            -MOST_DAYS,
            MOST_DAYS,
            integer=True,
            nullable=nullable,
            days=DaysBetween(start, end, end_is_day=end[0].isdigit()),
        )
        for number, (start, end) in enumerate(pairs)
    )
    return Contract(features, "t", "1", "0", reader=ReaderRules(TextRules(date_formats=FORMATS)))


def matrix_of(*columns: list[float]) -> Any:
    return np.array(columns, dtype=np.float32).T


SHAPES: dict[str, tuple[tuple[str, str], ...]] = {
    "one pair": (("a", "b"),),
    "a shared end": (("a", "b"), ("c", "b")),
    "a shared start": (("a", "b"), ("a", "c")),
    "a chain": (("a", "b"), ("b", "c")),
    "a fixed day": (("a", "2020-02-29"), ("a", "b")),
    "a chain that ends at known dates": (("a", "b"), ("c", "d"), ("a", "d")),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_each_row_of_days_gets_dates(shape: str) -> None:
    tested = contract(*SHAPES[shape])
    draw = np.random.default_rng(3)
    matrix = draw.integers(-3_000, 9_000, (50, len(tested.features))).astype(np.float32)
    matrix[draw.random(matrix.shape) < 0.1] = np.nan
    possible = with_possible_days(tested, matrix)
    if shape in ("one pair", "a chain"):
        present = ~np.isnan(possible)
        np.testing.assert_array_equal(possible[present], matrix[present])
    encoded = RecordEncoder(tested).encode_records(write_dates(tested, possible))
    assert encoded.faults == []
    np.testing.assert_array_equal(encoded.matrix, possible)
    np.testing.assert_array_equal(with_possible_days(tested, possible), possible)


def test_days_that_contradict_each_other_are_replaced() -> None:
    tested = contract(("a", "b"), ("b", "c"), ("a", "c"))
    possible = with_possible_days(tested, matrix_of([10, 10], [5, 5], [15, 99]))
    np.testing.assert_array_equal(possible, matrix_of([10, 10], [5, 5], [15, 15]))


def test_dates_stay_in_the_calendar_and_are_missing_only_where_they_may_be() -> None:
    tested = contract(("a", "b"), nullable=False)
    records = write_dates(tested, with_possible_days(tested, matrix_of([MOST_DAYS, -MOST_DAYS, np.nan])))
    assert [record["a"] for record in records] == ["01.01.0001", "31.12.9999", "01.01.2026"]
    assert RecordEncoder(tested).encode_records(records).faults == []


@pytest.mark.parametrize("nullable", [True, False])
def test_random_dates_are_valid_and_read_alike_by_pandas(nullable: bool) -> None:
    tested = contract(("a", "b"), ("c", "b"), nullable=nullable)
    dates = random_dates(tested, 16, np.random.default_rng(1))
    assert (dates["a"][0] is None) == nullable
    assert sum("T" in str(text) for text in dates["b"]) >= 4
    assert not any("T" in str(text) for text in dates["c"])
    encoded = RecordEncoder(tested).encode_columns(dates, 16)
    assert encoded.faults == []
    np.testing.assert_array_equal(encode_table(pd.DataFrame(dates), tested), encoded.matrix)
