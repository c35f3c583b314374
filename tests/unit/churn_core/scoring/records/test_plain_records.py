"""The short way to the matrix says what the long way says, or leaves it to that."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn_core.schema import CategoryFeature, Contract, NumberFeature
from churn_core.scoring.plain_records import PlainRecords
from churn_core.scoring.records.encoding import RecordEncoder

CONTRACT = Contract(
    (
        CategoryFeature("plan", ("basic", "gold")),
        CategoryFeature("level", ("-1", "0", "1", "007", "true"), nullable=True),
        NumberFeature("months", 0, 120, integer=True),
        NumberFeature("charge", -0.5, 1e6, nullable=True),
        NumberFeature("text", 0, 9, stored_as_text=True),
    ),
    *("left", "yes", "no"),
    id_column="id",
)
PLAIN = {"id": "a", "plan": "gold", "level": 0, "months": 12, "charge": 1.5, "text": 3}
encoder = RecordEncoder(CONTRACT)
plain = PlainRecords(CONTRACT)

TEXTS = ("basic", "gold", "silver", "", " ", "1", "0", "true", "a\0", "\ud800", "x" * 300, "ö")
NUMBERS = (0, 1, -1, 7, 120, 121, 10**400, 1.0, 0.5, -0.0, 1e7, math.nan, math.inf)
odd: st.SearchStrategy[Any] = st.sampled_from([*TEXTS, *NUMBERS, True, False, None, (), [], {}])
records = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from([*PLAIN, "more"]), odd, max_size=2),
        st.sets(st.sampled_from(sorted(PLAIN)), max_size=1),
    ).map(lambda changes: {k: v for k, v in (PLAIN | changes[0]).items() if k not in changes[1]}),
    min_size=1,
    max_size=4,
)


def long_way(customers: list[dict[str, Any]]) -> Any:
    columns = {name: [customer.get(name) for customer in customers] for name in CONTRACT.names}
    encoded = encoder.encode_columns(columns, len(customers))
    return encoded.matrix, encoded.faults + encoder._id_faults(customers) + encoder._extra_key_faults(
        customers
    )


@settings(max_examples=1_500, deadline=None, database=None, derandomize=True)
@given(records)
def test_both_ways_agree_or_the_short_one_steps_back(customers: list[dict[str, Any]]) -> None:
    by_row, by_column = plain.matrix(customers), plain.matrix(customers * 8)
    assert (by_row is None) == (by_column is None)
    if by_row is not None:
        matrix, faults = long_way(customers)
        assert faults == []
        np.testing.assert_array_equal(by_row, matrix)
        np.testing.assert_array_equal(by_column, np.tile(matrix, (8, 1)))


@pytest.mark.parametrize(
    "changes",
    [{}, {"level": "1"}, {"level": None}, {"charge": None}, {"charge": 3}, {"months": 0}, {"text": 0.5}],
)
@pytest.mark.parametrize("rows", [1, 3, 30])
def test_plain_records_take_the_short_way(changes: dict[str, Any], rows: int) -> None:
    found = plain.matrix([PLAIN | changes] * rows)
    matrix, faults = long_way([PLAIN | changes] * rows)
    assert found is not None
    assert faults == []
    np.testing.assert_array_equal(found, matrix)


@pytest.mark.parametrize(
    "changes",
    [
        {"plan": "silver"},
        {"plan": ["gold"]},
        {"level": True},
        {"level": 1.0},
        {"months": True},
        {"months": 12.0},
        {"charge": "1"},
        {"charge": 10**400},
        {"id": 5},
        {"more": 1},
    ],
)
def test_anything_else_takes_the_long_way(changes: dict[str, Any]) -> None:
    assert plain.matrix([PLAIN | changes]) is None
    assert plain.matrix([*[PLAIN] * 30, PLAIN | changes]) is None
    assert plain.matrix([]) is None


def test_a_contract_of_one_column_has_a_short_way_too() -> None:
    one = PlainRecords(Contract((NumberFeature("n", 0, 9),), "left", "yes", "no"))
    for rows in (1, 30):
        found = one.matrix([{"n": 4}] * rows)
        assert found is not None
        assert found.tolist() == [[4.0]] * rows


def test_many_records_and_one_are_encoded_alike() -> None:
    customers = [PLAIN | {"id": str(row), "months": row} for row in range(40)]
    together = encoder.encode_records(customers).matrix
    for row, customer in enumerate(customers):
        np.testing.assert_array_equal(encoder.encode_records([customer]).matrix[0], together[row])
