"""Records become rows of the encoded matrix, one by one and many at once alike."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn_core.errors import ValueFault
from churn_core.schema import CategoryFeature, Contract, NumberFeature
from churn_core.scoring.records.encoding import RecordEncoder

CONTRACT = Contract(
    (
        CategoryFeature("plan", ("basic", "caf\u00e9")),
        CategoryFeature("region", ("north",), nullable=True),
        NumberFeature("visits", 0, 100, integer=True),
        NumberFeature("spent", 0.1, 0.3, nullable=True),
    ),
    *("left", "yes", "no"),
    id_column="customer",
)
GOOD = {"plan": "basic", "region": "north", "visits": 3, "spent": 0.25}


def test_a_record_becomes_one_row_in_contract_order() -> None:
    encoded = RecordEncoder(CONTRACT).encode_records(
        [
            GOOD,
            {"spent": None, "visits": 1.0, "region": "east", "plan": "cafe\u0301"},
            {"plan": "x", "visits": 0},
        ]
    )
    assert encoded.faults == []
    assert encoded.matrix.dtype == np.float32
    expected = np.array([[0, 0, 3, 0.25], [1, 1, 1, np.nan], [2, 2, 0, np.nan]], dtype=np.float32)
    np.testing.assert_array_equal(encoded.matrix, expected)


def test_faults_come_in_record_order_then_contract_order() -> None:
    encoded = RecordEncoder(CONTRACT).encode_records(
        [{"spent": 9, "visits": None, "plan": " "}, GOOD, GOOD | {"secret": 1, "plan": 1.5, "customer": "\0"}]
    )
    assert encoded.faults == [
        ValueFault(0, "visits", "missing"),
        ValueFault(0, "spent", "out_of_range"),
        ValueFault(2, "customer", "invalid_unicode"),
        ValueFault(2, "plan", "wrong_type"),
        ValueFault(2, 4, "extra_forbidden"),
    ]


@pytest.mark.parametrize("identifier", ["7590-VHVEG", 7, 7.0, True, None, "", "\u00e9"])
def test_an_id_may_be_any_json_scalar(identifier: Any) -> None:
    assert RecordEncoder(CONTRACT).encode_records([GOOD | {"customer": identifier}]).faults == []


@pytest.mark.parametrize(
    ("identifier", "code"),
    [
        *(("\ud800", "invalid_unicode"), ("x" * 257, "too_long"), (10**40, "too_long")),
        *((math.nan, "not_finite"), (math.inf, "not_finite"), ([1], "wrong_type"), ({"a": 1}, "wrong_type")),
    ],
)
def test_an_id_that_json_can_not_represent_is_refused(identifier: Any, code: str) -> None:
    faults = RecordEncoder(CONTRACT).encode_records([GOOD | {"customer": identifier}]).faults
    assert faults == [ValueFault(0, "customer", code)]


def test_an_empty_list_of_records_gives_an_empty_matrix() -> None:
    assert RecordEncoder(CONTRACT).encode_records([]).matrix.shape == (0, 4)


# Whole columns of many records are encoded by numpy; a single record goes through the rules value by value.

WIDE = Contract(
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
encoder = RecordEncoder(WIDE)

TEXTS = ("basic", "gold", "silver", "", " ", "1", "0", "true", "a\0", "\ud800", "x" * 300, "\u00f6")
NUMBERS = (0, 1, -1, 7, 120, 121, 10**400, 1.0, 0.5, -0.0, 1e7, math.nan, math.inf)
odd_values: st.SearchStrategy[Any] = st.sampled_from([*TEXTS, *NUMBERS, True, False, None, (), [], {}])
odd_records = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from([*PLAIN, "more"]), odd_values, max_size=2),
        st.sets(st.sampled_from(sorted(PLAIN)), max_size=1),
    ).map(lambda changes: {k: v for k, v in (PLAIN | changes[0]).items() if k not in changes[1]}),
    min_size=1,
    max_size=12,
)


@settings(max_examples=1_500, deadline=None, database=None, derandomize=True)
@given(odd_records)
def test_many_records_are_encoded_as_each_alone(customers: list[dict[str, Any]]) -> None:
    together = encoder.encode_records(customers)
    alone = [encoder.encode_records([customer]) for customer in customers]
    np.testing.assert_array_equal(together.matrix, np.concatenate([each.matrix for each in alone]))
    assert together.faults == [
        ValueFault(row, fault.column, fault.code) for row, each in enumerate(alone) for fault in each.faults
    ]


@pytest.mark.parametrize("value", [True, 1.0, "1", 1])
def test_equal_python_values_of_other_types_keep_their_own_codes(value: Any) -> None:
    # In a Python set or dict 1, 1.0 and True are one value.
    customers = [PLAIN | {"level": 1}] * 30 + [PLAIN | {"level": value}]
    found = encoder.encode_records(customers)
    assert [fault.code for fault in found.faults] == (["wrong_type"] if type(value) is float else [])
    if not found.faults:
        assert found.matrix[-1, 1] == ("-1", "0", "1", "007", "true").index(str(value).lower())


def test_a_contract_of_one_column_is_encoded_too() -> None:
    single = RecordEncoder(Contract((NumberFeature("n", 0, 9),), "left", "yes", "no"))
    for rows in (1, 30):
        assert single.encode_records([{"n": 4}] * rows).matrix.tolist() == [[4.0]] * rows
