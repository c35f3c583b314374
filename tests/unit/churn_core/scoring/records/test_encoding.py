"""What a single value may be, and what it becomes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from churn_core.errors import InputFileError, ValueFault
from churn_core.schema import CategoryFeature, Contract, NumberFeature
from churn_core.scoring.files.encoding_sql import encoded_columns, vocabulary_types
from churn_core.scoring.records.encoding import (
    RecordEncoder,
    ValueRefusedError,
    category_text,
    encode_number,
    parse_number_text,
)

PLAN = CategoryFeature("plan", ("basic", "caf\u00e9"))
REGION = CategoryFeature("region", ("north",), nullable=True)
VISITS = NumberFeature("visits", 0, 100, integer=True)
SPENT = NumberFeature("spent", 0.1, 0.3, nullable=True)
CONTRACT = Contract((PLAN, REGION, VISITS, SPENT), "left", "yes", "no", id_column="customer")
GOOD = {"plan": "basic", "region": "north", "visits": 3, "spent": 0.25}


def refusal(function: Any, *arguments: Any) -> str:
    with pytest.raises(ValueRefusedError) as caught:
        function(*arguments)
    return caught.value.code


# ---------------------------------------------------------------- numbers


@pytest.mark.parametrize("value", [3, 3.0, np.int8(3), np.uint64(3), np.float32(3.0), np.float64(3.0)])
def test_a_number_of_any_type_is_the_same_number(value: Any) -> None:
    assert encode_number(value, VISITS) == 3.0


@pytest.mark.parametrize(
    ("value", "code"),
    [
        *((None, "missing"), (math.nan, "missing"), (math.inf, "not_finite"), (-math.inf, "not_finite")),
        *((100.5, "out_of_range"), (-1, "out_of_range"), (1e39, "out_of_range"), (10**400, "out_of_range")),
        *((1.5, "not_integer"), (True, "wrong_type"), (np.True_, "wrong_type"), ("3", "wrong_type")),
        *((b"3", "wrong_type"), ([3], "wrong_type"), (3 + 0j, "wrong_type")),
    ],
)
def test_a_number_that_breaks_the_contract_has_a_code(value: Any, code: str) -> None:
    assert refusal(encode_number, value, VISITS) == code


def test_bounds_are_inclusive_to_the_last_bit() -> None:
    assert encode_number(0.1, SPENT) == 0.1
    assert encode_number(0.3, SPENT) == 0.3
    assert refusal(encode_number, math.nextafter(0.1, 0), SPENT) == "out_of_range"
    assert refusal(encode_number, math.nextafter(0.3, 1), SPENT) == "out_of_range"


def test_a_missing_number_is_nan_where_it_may_be_missing() -> None:
    assert math.isnan(encode_number(None, SPENT))
    assert math.isnan(encode_number(math.nan, SPENT))


@pytest.mark.parametrize(
    ("text", "number"),
    [("1.", 1.0), (".5", 0.5), ("+1e3", 1000.0), (" 12\t", 12.0), ("-0", -0.0), ("1e999", math.inf)],
)
def test_text_that_is_a_number_is_parsed(text: str, number: float) -> None:
    assert parse_number_text(text) == number
    assert math.copysign(1, parse_number_text(text)) == math.copysign(1, number)


@pytest.mark.parametrize("text", ["", " ", "\v\f", "nan", "NaN", "-nan"])
def test_blank_text_in_a_number_column_is_missing(text: str) -> None:
    assert math.isnan(parse_number_text(text))


@pytest.mark.parametrize("text", ["abc", "1_000", "1,5", "0x1", "\u0661", "\u0130nf", "\u00a01", "1\0", "."])
def test_text_that_python_alone_takes_for_a_number_is_none(text: str) -> None:
    assert refusal(parse_number_text, text) == "wrong_type"


# ---------------------------------------------------------------- categories


@pytest.mark.parametrize("text", ["", " ", "\t", "\n", "\r", "\v", "\f", " \t\n\r\v\f"])
def test_blank_text_is_missing(text: str) -> None:
    assert category_text(text) is None


@pytest.mark.parametrize("text", ["\u00a0", "\u2003", "\u200b", " x ", "\ufeff"])
def test_no_other_text_is_blank_and_none_is_trimmed(text: str) -> None:
    assert category_text(text) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((True, "true"), (np.False_, "false"), (7, "7"), (np.uint64(2**64 - 1), str(2**64 - 1))),
        *((-(2**127), str(-(2**127))), ("e\u0301", "\u00e9"), (None, None), (math.nan, None)),
    ],
)
def test_a_category_is_its_text_in_composed_form(value: Any, text: str | None) -> None:
    assert category_text(value) == text


@pytest.mark.parametrize(
    ("value", "code"),
    [
        *(("x" * 257, "too_long"), ("\u0958" * 129, "too_long"), (2**127, "too_long")),
        *(("a\0", "invalid_unicode"), ("\u00e9\0", "invalid_unicode"), ("\udfff", "invalid_unicode")),
        *((1.0, "wrong_type"), (b"x", "wrong_type"), (["x"], "wrong_type"), ({}, "wrong_type")),
    ],
)
def test_a_category_that_breaks_the_contract_has_a_code(value: Any, code: str) -> None:
    assert refusal(category_text, value) == code


# ---------------------------------------------------------------- records


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
        ValueFault(0, "plan", "missing"),
        ValueFault(0, "visits", "missing"),
        ValueFault(0, "spent", "out_of_range"),
        ValueFault(2, "customer", "invalid_unicode"),
        ValueFault(2, "plan", "wrong_type"),
        ValueFault(2, 4, "extra_forbidden"),
    ]


@pytest.mark.parametrize("identifier", ["7590-VHVEG", 7, 7.0, True, None, "", "\u00e9"])
def test_an_id_may_be_what_json_can_echo(identifier: Any) -> None:
    assert RecordEncoder(CONTRACT).encode_records([GOOD | {"customer": identifier}]).faults == []


@pytest.mark.parametrize(
    ("identifier", "code"),
    [
        *(("\ud800", "invalid_unicode"), ("x" * 257, "too_long"), (10**40, "too_long")),
        *((math.nan, "not_finite"), (math.inf, "not_finite"), ([1], "wrong_type"), ({"a": 1}, "wrong_type")),
    ],
)
def test_an_id_that_json_can_not_echo_is_refused(identifier: Any, code: str) -> None:
    faults = RecordEncoder(CONTRACT).encode_records([GOOD | {"customer": identifier}]).faults
    assert faults == [ValueFault(0, "customer", code)]


def test_no_records_are_no_rows() -> None:
    assert RecordEncoder(CONTRACT).encode_records([]).matrix.shape == (0, 4)


# ---------------------------------------------------------------- SQL

TYPES = {
    "plan": "VARCHAR",
    "region": "BOOLEAN",
    "visits": "BIGINT",
    "spent": "DECIMAL(9,2)",
    "customer": "UUID",
}


def test_no_name_of_a_file_reaches_the_sql_unless_the_contract_has_it() -> None:
    types = TYPES | {'"; DROP TABLE x; --': "BIGINT"}
    assert not any("DROP" in column for column in encoded_columns(CONTRACT, types))


def test_names_and_values_are_quoted() -> None:
    odd = Contract((CategoryFeature('a"b', ("it's",)),), "left", "yes", "no")
    assert vocabulary_types(odd) == ["CREATE TYPE vocabulary_0 AS ENUM ('it''s')"]
    assert '"a""b"' in encoded_columns(odd, {'a"b': "VARCHAR"})[0]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        *(({"plan": "DOUBLE"}, "'plan' is of type DOUBLE"), ({"plan": "DATE"}, "'plan' is of type DATE")),
        *(({"visits": "VARCHAR"}, "'visits' is of type VARCHAR"), ({"visits": "BOOLEAN"}, "'visits'")),
        *(
            ({"spent": "STRUCT(secret INTEGER)"}, "'spent' is of type nested"),
            ({"customer": "BLOB"}, "'customer'"),
        ),
        ({"visits": "TIMESTAMP WITH TIME ZONE"}, "'visits' is of type nested"),
    ],
)
def test_a_column_of_another_kind_is_a_fault_of_the_file(changes: dict[str, str], named: str) -> None:
    with pytest.raises(InputFileError, match=named.replace("(", r"\(")) as caught:
        encoded_columns(CONTRACT, TYPES | changes)
    assert caught.value.code == "schema"
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", [*TYPES])
def test_a_column_that_is_missing_is_named_and_case_counts(name: str) -> None:
    types = {column.upper() if column == name else column: kind for column, kind in TYPES.items()}
    with pytest.raises(InputFileError, match=f"'{name}' is missing") as caught:
        encoded_columns(CONTRACT, types)
    assert caught.value.code == "schema"
