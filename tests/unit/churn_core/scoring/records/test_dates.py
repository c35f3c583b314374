"""Which text, and which Python objects, are dates, and of which UTC day."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from churn_core.reader_rules import TextRules
from churn_core.scoring.day_numbers import FIRST_DAY, LAST_DAY, parse_fixed_day, split_date_format, write_date
from churn_core.scoring.records.dates import DateReader
from churn_core.scoring.records.values import ValueRefusedError

DAY = parse_fixed_day("2024-02-29")


def read(value: Any, date_format: str | None = None, *missing_tokens: str) -> float:
    formats = () if date_format is None else (("d", date_format),)
    return DateReader("d", TextRules(missing_tokens=missing_tokens, date_formats=formats)).read(value)


def refusal(value: Any, date_format: str | None = None, *missing_tokens: str) -> str:
    with pytest.raises(ValueRefusedError) as refused:
        read(value, date_format, *missing_tokens)
    return refused.value.code


@pytest.mark.parametrize(
    "text",
    [
        "2024-02-29",
        " 2024-02-29\t",
        "2024-02-29T00:00",
        "2024-02-29 23:59:59",
        "2024-02-29t23:59:59.999999999",
        "2024-02-29T9:05:00,5",
        "2024-02-29 11:59 PM",
        "2024-02-29T23:59:59Z",
        "2024-02-29 23:59:59 UTC",
        "2024-02-29T23:59:59+00:00",
        "2024-02-28T23:00:00-01:00",
        "2024-03-01T00:59:59.999+01",
        "2024-03-01T00:00+0001",
        "2024-02-28 23:59 -00:01",
    ],
)
def test_iso_8601_dates_give_the_day_in_utc(text: str) -> None:
    assert read(text) == DAY


@pytest.mark.parametrize(
    ("date_format", "text"),
    [
        ("DD.MM.YYYY", "29.02.2024"),
        ("DD.MM.YYYY", "29.2.2024"),
        ("MM/DD/YYYY", "2/29/2024 9:05:00 PM"),
        ("DD/MM/YYYY", "29/02/2024T00:30+00:15"),
        ("YYYY/MM/DD", "2024/2/29"),
        ("YYYY.MM.DD.", "2024.02.29."),
        ("DD MM YYYY", "29 02 2024"),
        ("YYYYMMDD", "20240229"),
        ("YYYYMMDD", "20240229.0"),
        ("YYYYMMDD", 20240229),
        ("YYYYMMDD", 20240229.0),
        ("YYYYMMDD", np.int64(20240229)),
        ("YYYY-DD-MM", "2024-29-02"),
        ("DD.MM.YYYY", "2024-02-29"),
        ("YYYYMMDD", "2024-02-29T12:00:00Z"),
    ],
)
def test_a_declared_format_is_read_and_iso_8601_too(date_format: str, text: Any) -> None:
    assert read(text, date_format) == DAY


def test_a_whole_number_without_its_leading_zero_is_the_same_date() -> None:
    assert read(1022024, "DDMMYYYY") == read("01022024", "DDMMYYYY") == read("1022024", "DDMMYYYY")


@pytest.mark.parametrize(
    "value",
    [
        date(2024, 2, 29),
        datetime(2024, 2, 29, 23, 59),
        datetime(2024, 2, 29, 23, 59, tzinfo=UTC),
        datetime(2024, 3, 1, 0, 30, tzinfo=timezone(timedelta(hours=1))),
        np.datetime64("2024-02-29"),
        np.datetime64("2024-02-29T23:59:59.999999999"),
        pd.Timestamp("2024-02-29 18:30", tz="America/New_York"),
        pd.Timestamp("2024-03-01 00:30", tz="Europe/Berlin"),
    ],
)
def test_dates_of_python_and_numpy_give_the_day_in_utc(value: Any) -> None:
    assert read(value) == DAY


def test_before_1970_a_time_belongs_to_the_day_in_which_it_lies() -> None:
    assert read("1969-12-31T23:59:59") == read(np.datetime64("1969-12-31T23:59:59")) == -1


def test_the_first_and_the_last_day_are_those_of_the_years_1_and_9999() -> None:
    assert (read("0001-01-01"), read("9999-12-31T23:59:59")) == (FIRST_DAY, LAST_DAY)


@pytest.mark.parametrize(
    "value", [None, "", " \t", math.nan, pd.NaT, np.datetime64("NaT"), np.float64("nan")]
)
def test_missing_values_are_nan(value: Any) -> None:
    assert math.isnan(read(value))
    assert math.isnan(read(value, "YYYYMMDD"))


@pytest.mark.parametrize("text", ["NA", "na", " Na ", "0000-00-00"])
def test_missing_tokens_are_missing_even_if_they_look_like_dates(text: str) -> None:
    assert math.isnan(read(text, None, "NA", "0000-00-00"))
    assert refusal(text) == "not_a_date"


def test_a_number_may_be_a_missing_token_where_numbers_are_dates() -> None:
    assert math.isnan(read(0, "YYYYMMDD", "0"))
    assert math.isnan(read("0", "YYYYMMDD", "0"))
    assert refusal(0, "YYYYMMDD") == "not_a_date"


@pytest.mark.parametrize(
    "value",
    [
        "2024-02-30",
        "2023-02-29",
        "2024-13-01",
        "0000-01-01",
        "10000-01-01",
        "0001-01-01T00:00+00:01",
        "9999-12-31T23:59-00:01",
        "2024-2-9",
        "20240229",
        "29.02.2024",
        "24-02-29",
        "2024-02-29T24:00",
        "2024-02-29T23:59:60",
        "2024-02-29T10",
        "2024-02-29T10:00+24:00",
        "2024-02-29T10:00 Europe/Berlin",
        "2024-02-29 13:00 PM",
        "2024-02-29Z",
        "2024-W09-4",
        "\u0662\u0660\u0662\u0664-02-29",
        "today",
        "2024-02-29\0",
        20240229,
        1.5,
        True,
        Decimal("20240229"),
        [2024, 2, 29],
        time(12, 0),
        pd.Timedelta(days=1),
        math.inf,
    ],
)
def test_anything_else_is_not_a_date(value: Any) -> None:
    assert refusal(value) == "not_a_date"


@pytest.mark.parametrize("value", [True, -20240229, 20240229.5, math.inf, 10**30, 20240230, "2024-29-02"])
def test_numbers_that_are_no_day_are_not_a_date_in_a_column_of_digits(value: Any) -> None:
    assert refusal(value, "YYYYMMDD") == "not_a_date"


def test_the_declared_order_of_day_and_month_has_no_second_reading() -> None:
    assert refusal("2024-02-29", "YYYY-DD-MM") == "not_a_date"
    assert refusal("12/31/2024", "DD/MM/YYYY") == "not_a_date"


def test_long_text_is_refused_before_it_is_read() -> None:
    assert refusal("x" * 257) == "too_long"
    assert math.isnan(read(" " * 257))


def test_written_dates_are_read_back() -> None:
    for date_format in (None, "DD.MM.YYYY", "MM/DD/YYYY", "YYYYMMDD", "YYYY-DD-MM"):
        for day in (FIRST_DAY, -1, 0, DAY, LAST_DAY):
            assert read(write_date(day, date_format), date_format) == day


@pytest.mark.parametrize(
    "date_format", ["DD.MM.YY", "DD.MM", "DD..MM.YYYY", "DD-MMM-YYYY", "", "YYYY-MM-DD hh"]
)
def test_a_format_has_year_month_and_day_once_each(date_format: str) -> None:
    with pytest.raises(ValueError, match="YYYY, MM and DD"):
        split_date_format(date_format)


@pytest.mark.parametrize("text", ["2024-02-30", "20240229", "2024-02-29T00:00"])
def test_a_fixed_day_has_the_form_of_a_day(text: str) -> None:
    with pytest.raises(ValueError, match="day"):
        parse_fixed_day(text)
