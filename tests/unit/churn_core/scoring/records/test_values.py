"""The rules for one value of a number or category column."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from churn_core.schema import CategoryFeature, Contract, NumberFeature
from churn_core.scoring.records.values import (
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
def test_numbers_of_any_python_or_numpy_type_are_accepted(value: Any) -> None:
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
