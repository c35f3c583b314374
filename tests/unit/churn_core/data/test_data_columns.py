"""Columns are parsed and checked exactly as single values are."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn_core.data.columns import parse_category_column, parse_number_column, target_labels
from churn_core.data.validation import validate_data
from churn_core.errors import REJECT_CODES, DataError
from churn_core.schema import CategoryFeature, Contract, NumberFeature
from churn_core.scoring.records.values import ValueRefusedError, category_text, encode_number

ANY_NUMBER = NumberFeature("n", -1e300, 1e300, nullable=True)
TEXT_NUMBER = NumberFeature("n", -1000, 1000, nullable=True, stored_as_text=True)
ANY_CATEGORY = CategoryFeature("c", nullable=True)


def codes(faults: Any) -> list[str | None]:
    return [None if fault == 0 else REJECT_CODES[fault - 1] for fault in faults]


def numbers(values: Any, feature: NumberFeature, *, text_cells: bool = False) -> tuple[list[Any], list[Any]]:
    series = values if isinstance(values, pd.Series) else pd.Series(values)
    parsed = parse_number_column(series, feature, text_cells=text_cells)
    assert parsed.values.dtype == np.float64
    assert parsed.faults.dtype == np.uint8
    return [None if math.isnan(value) else value for value in parsed.values], codes(parsed.faults)


def categories(values: Any, feature: CategoryFeature = ANY_CATEGORY) -> tuple[list[Any], list[Any]]:
    series = values if isinstance(values, pd.Series) else pd.Series(values)
    parsed = parse_category_column(series, feature)
    assert parsed.text.dtype == object
    return list(parsed.text), codes(parsed.faults)


# --- numbers


@pytest.mark.parametrize(
    ("text", "number", "fault"),
    [
        ("1", 1.0, None),
        (" 29.85\t", 29.85, None),
        ("+.5e1", 5.0, None),
        ("", None, None),
        (" \t\r\n", None, None),
        ("nan", None, None),
        ("-NaN", None, None),
        ("inf", None, "not_finite"),
        ("-Infinity", None, "not_finite"),
        ("1e999", None, "not_finite"),
        ("1001", None, "out_of_range"),
        ("1_000", None, "wrong_type"),
        ("1,5", None, "wrong_type"),
        ("0x10", None, "wrong_type"),
        ("\u0661", None, "wrong_type"),
        ("\u00a01", None, "wrong_type"),
        ("twelve", None, "wrong_type"),
        ("1\x00", None, "wrong_type"),
    ],
)
def test_given_a_number_as_text_then_it_is_parsed_or_its_fault_is_named(
    text: str, number: float | None, fault: str | None
) -> None:
    assert numbers([text], TEXT_NUMBER) == ([number], [fault])


def test_given_text_in_a_number_column_then_the_contract_or_a_csv_file_must_allow_it() -> None:
    plain = NumberFeature("n", 0, 10)
    assert numbers(["1"], plain) == ([None], ["wrong_type"])
    assert numbers(["1"], plain, text_cells=True) == ([1.0], [None])
    assert numbers([" "], plain, text_cells=True) == ([None], ["missing"])


def test_given_texts_that_differ_after_a_nul_then_they_are_different() -> None:
    assert numbers(["1", "1\x00"], TEXT_NUMBER) == ([1.0, None], [None, "wrong_type"])
    assert categories(["a", "a\x00b"]) == (["a", None], [None, "invalid_unicode"])


def test_given_bounds_then_they_are_inclusive_and_compared_as_float64() -> None:
    feature = NumberFeature("n", 0.1, 0.3)
    inside, outside = [0.1, 0.3], [math.nextafter(0.1, 0), math.nextafter(0.3, 1)]
    assert numbers(inside + outside, feature) == (
        [0.1, 0.3, None, None],
        [None, None, "out_of_range", "out_of_range"],
    )


def test_given_an_integer_feature_then_whole_floats_pass_and_fractions_fail() -> None:
    feature = NumberFeature("n", 0, 10, integer=True)
    assert numbers([3.0, 2.5, 11.5], feature) == ([3.0, None, None], [None, "not_integer", "out_of_range"])


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT])
def test_given_any_of_pandas_missing_values_then_nullability_decides(missing: object) -> None:
    series = pd.Series([1, missing], dtype=object)
    assert numbers(series, NumberFeature("n", 0, 5)) == ([1.0, None], [None, "missing"])
    assert numbers(series, NumberFeature("n", 0, 5, nullable=True)) == ([1.0, None], [None, None])


@pytest.mark.parametrize("dtype", ["int8", "uint64", "float32", "Int64", "UInt8", "Float64", "category"])
def test_given_any_number_dtype_then_the_values_are_the_same(dtype: str) -> None:
    assert numbers(pd.Series([0, 7], dtype=dtype), NumberFeature("n", 0, 10)) == ([0.0, 7.0], [None, None])


@pytest.mark.parametrize("dtype", ["bool", "boolean", "datetime64[s]", "timedelta64[s]", "complex128"])
def test_given_a_dtype_without_numbers_then_every_value_has_the_wrong_type(dtype: str) -> None:
    assert numbers(pd.Series([0, 1]).astype(pd.api.types.pandas_dtype(dtype)), ANY_NUMBER) == (
        [None] * 2,
        ["wrong_type"] * 2,
    )


def test_given_mixed_objects_then_equal_looking_values_of_other_types_are_not_confused() -> None:
    series = pd.Series([1, True, 1.0, "1", b"1", 10**400], dtype=object)
    expected = [None, "wrong_type", None, "wrong_type", "wrong_type", "out_of_range"]
    assert numbers(series, ANY_NUMBER)[1] == expected


def test_given_no_rows_then_nothing_is_at_fault() -> None:
    for dtype in ("str", "object", "float64", "Int64"):
        assert numbers(pd.Series([], dtype=dtype), ANY_NUMBER) == ([], [])
        assert categories(pd.Series([], dtype=dtype)) == ([], [])


# --- categories


@pytest.mark.parametrize(
    ("value", "text", "fault"),
    [
        ("Yes", "Yes", None),
        (" Yes ", " Yes ", None),
        ("", None, None),
        (" \t", None, None),
        ("\u00a0", "\u00a0", None),
        ("cafe\u0301", "caf\u00e9", None),
        ("x" * 256, "x" * 256, None),
        ("x" * 257, None, "too_long"),
        ("a\x00", None, "invalid_unicode"),
        ("\ud800", None, "invalid_unicode"),
        (True, "true", None),
        (7, "7", None),
        (1.0, None, "wrong_type"),
        (b"Yes", None, "wrong_type"),
    ],
)
def test_given_a_category_value_then_it_is_normalised_or_its_fault_is_named(
    value: object, text: str | None, fault: str | None
) -> None:
    alone = pd.Series([value], dtype=object)
    assert categories(alone) == ([text], [fault])
    among_others = pd.Series([value, "other", 3, None], dtype=object)
    assert categories(among_others) == ([text, "other", "3", None], [fault, None, None, None])


@pytest.mark.parametrize("dtype", ["str", "object", "category", "string[python]", "string[pyarrow]"])
def test_given_any_text_dtype_then_the_categories_are_the_same(dtype: str) -> None:
    series = pd.Series(["a", "b", None, "a"], dtype=dtype)
    assert categories(series) == (["a", "b", None, "a"], [None] * 4)


def test_given_integers_and_booleans_of_any_dtype_then_they_become_their_text() -> None:
    for dtype in ("int64", "uint8", "Int64", "category"):
        assert categories(pd.Series([0, 1], dtype=dtype))[0] == ["0", "1"]
    for dtype in ("bool", "boolean", "object"):
        assert categories(pd.Series([True, False], dtype=dtype))[0] == ["true", "false"]
    assert categories(pd.Series([1, None], dtype="Int64")) == (["1", None], [None, None])


def test_given_floats_in_a_category_then_all_but_missing_ones_have_the_wrong_type() -> None:
    assert categories(pd.Series([1.0, np.nan])) == ([None, None], ["wrong_type", None])


def test_given_a_missing_category_then_it_is_a_fault_where_it_is_required() -> None:
    assert categories(["a", None, " "], CategoryFeature("c"))[1] == [None, None, None]
    strict = CategoryFeature("c", required=True)
    assert categories(["a", None, " "], strict)[1] == [None, "missing", "missing"]
    assert categories(pd.Series([1.0, np.nan]), strict)[1] == ["wrong_type", "missing"]


# --- the same result as for single values

cells = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(10**50), 10**50),
    st.floats(),
    st.binary(max_size=3),
    st.text(st.characters(codec=None), max_size=4),
    st.sampled_from(["1", "1.", "1e5", "nan", "inf", " ", "", "1_0", "é", "e\u0301", "x" * 257, "\ud800"]),
)
number_features = st.builds(
    NumberFeature,
    name=st.just("n"),
    minimum=st.sampled_from([-1e9, 0.0]),
    maximum=st.sampled_from([1.0, 1e9]),
    integer=st.booleans(),
    nullable=st.booleans(),
    stored_as_text=st.booleans(),
)


def parse_or_code(parse: Callable[..., Any], *arguments: Any) -> tuple[Any, str | None]:
    try:
        return parse(*arguments), None
    except ValueRefusedError as refused:
        return None, refused.code


columns_of_cells = st.one_of(
    st.lists(cells, max_size=6),
    st.lists(st.one_of(st.none(), st.text(st.characters(codec=None), max_size=4)), max_size=6),
    st.lists(st.floats(), max_size=6),
)


@given(columns_of_cells, number_features)
def test_given_any_cells_then_a_number_column_is_checked_as_single_values_are(
    values: list[Any], feature: NumberFeature
) -> None:
    got_numbers, got_faults = numbers(pd.Series(values, dtype=object), feature)
    for value, number, fault in zip(values, got_numbers, got_faults, strict=True):
        expected, code = parse_or_code(encode_number, value, feature)
        assert (number, fault) == (None if expected is None or math.isnan(expected) else expected, code)


@given(columns_of_cells)
def test_given_any_cells_then_a_category_column_is_checked_as_single_values_are(values: list[Any]) -> None:
    got_text, got_faults = categories(pd.Series(values, dtype=object))
    for value, text, fault in zip(values, got_text, got_faults, strict=True):
        assert (text, fault) == parse_or_code(category_text, value)


# --- the target


def test_given_two_labels_then_the_target_is_one_for_the_positive(contract: Any) -> None:
    labels = target_labels(pd.Series(["yes", "no", "yes"]), contract)
    assert labels.dtype == np.int64
    assert labels.tolist() == [1, 0, 1]


@pytest.mark.parametrize("unknown", [None, "", "YES", " yes"])
def test_given_an_unknown_label_then_it_is_refused_and_not_shown(unknown: str | None, contract: Any) -> None:
    with pytest.raises(DataError, match=r"1 rows .*data\.target\.positive"):
        target_labels(pd.Series(["yes", "no", unknown]), contract)


@pytest.mark.parametrize(
    "values",
    [
        *([1, 0, 1], [1.0, 0.0, 1.0], ["1", "0", "1"], ["1.0", "0.0", "1.0"], ["1", 0, 1.0]),
        *([True, False, True], ["true", "false", "true"], ["True", "False", "True"], ["TRUE", "FALSE", True]),
        *(pd.array([1, 0, 1], dtype="Int8"), pd.array([True, False, True], dtype="boolean")),
        pd.Categorical(["1", "0", "1"]),
    ],
)
def test_given_labels_of_any_kind_then_they_are_compared_by_their_text(values: Any) -> None:
    series = pd.Series(values)
    words = [("1", "0"), ("1.0", "0.0")] if "1" in str(series[0]) else [("true", "false"), ("True", "False")]
    for positive, negative in words:
        contract = Contract((NumberFeature("n", 0, 1),), "left", positive, negative)
        assert target_labels(series, contract).tolist() == [1, 0, 1]
        table = pd.DataFrame({"n": [0, 1, 0], "left": series})
        assert validate_data(table, contract).ok


@pytest.mark.parametrize("unknown", [0.5, np.inf, np.nan, 2.0])
def test_given_a_float_that_is_not_a_label_then_it_is_refused(unknown: float) -> None:
    contract = Contract((NumberFeature("n", 0, 1),), "left", "1", "0")
    with pytest.raises(DataError, match=r"1 rows .*data\.target\.positive"):
        target_labels(pd.Series([1.0, 0.0, unknown]), contract)


def test_given_many_distinct_texts_then_parsing_takes_seconds() -> None:
    series = pd.Series(np.arange(300_000) / 100).astype("str")
    started = time.perf_counter()
    parsed = parse_number_column(series, NumberFeature("n", 0, 1e9), text_cells=True)
    assert time.perf_counter() - started < 5
    assert not parsed.faults.any()
