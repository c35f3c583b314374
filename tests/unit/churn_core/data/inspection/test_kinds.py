"""The kind that is decided for a column, by its values and sometimes by its name."""

from __future__ import annotations

import datetime
import decimal
import uuid
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from churn_core.data import load_table
from churn_core.data.inspection.column import read_column
from churn_core.data.inspection.kinds import GROUPED_LEVELS, PLAIN_LEVELS, Kind, decide_kind
from churn_core.data.inspection.ranges import bounds_with_room
from churn_core.reader_rules import TextRules
from churn_core.scoring.records.number_text import NumberText

ROWS = 400
EVERY = np.arange(ROWS)


def kind(values: Any, name: str = "x") -> Kind:
    return decide_kind(read_column(name, pd.Series(values)))


def spec(values: Any, name: str = "x") -> dict[str, Any]:
    found = kind(values, name)
    assert found.left_out is None
    return found.spec


def text(values: Any) -> list[str]:
    return [str(value) for value in values]


# ---------------------------------------------------------------- numbers


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "uint8", "uint64", "Int16", "UInt32"])
def test_whole_numbers_of_every_width_are_integers(dtype: str) -> None:
    assert spec(pd.Series(EVERY % 50, dtype=dtype).array) == {
        "kind": "number",
        "integer": True,
        "expected": [0, 100],
    }


@pytest.mark.parametrize("dtype", ["float32", "float64", "Float64"])
def test_floats_are_numbers_but_not_integers_even_if_all_are_whole(dtype: str) -> None:
    assert "integer" not in spec(pd.Series((EVERY % 50).astype(float), dtype=dtype).array)


def test_whole_floats_with_gaps_are_integers_because_pandas_writes_them_so() -> None:
    values = np.where(EVERY % 7 == 0, np.nan, EVERY % 50)
    assert spec(values) == {
        "kind": "number",
        "integer": True,
        "expected": [0, 100],
        "nullable": True,
    }


def test_decimals_are_numbers() -> None:
    assert spec([decimal.Decimal(int(n)) / 4 for n in EVERY]) == {
        "kind": "number",
        "expected": [0, 200],
    }


def test_numbers_stored_as_text_are_numbers_and_blank_text_among_them_is_missing() -> None:
    assert spec(text(EVERY / 4)) == {"kind": "number", "expected": [0, 200]}
    found = kind([" " if n % 9 == 0 else str(n / 4) for n in EVERY])
    assert found.spec["stored_as"] == "text"
    assert found.spec["nullable"] is True
    assert "stored_as" not in spec(["" if n % 9 == 0 else str(n / 4) for n in EVERY])


@pytest.mark.parametrize(
    ("lowest", "highest", "bounds"),
    [
        *((0, 72, (0, 200)), (1, 50, (0, 100)), (0.02, 0.09, (0, 0.2)), (3, 1000, (0, 2000))),
        *((-3, 40, (-10, 100)), (-40, -3, (-100, 0)), (0, 1e-300, (0, 2e-300)), (0, 4.99, (0, 10))),
        (1.6e9, 1.7e9, (0, 5e9)),
    ],
)
def test_bounds_have_room_and_stay_on_their_side_of_zero(
    lowest: float, highest: float, bounds: tuple[float, float]
) -> None:
    assert bounds_with_room(np.array([lowest, np.nan, highest])) == bounds


def test_bounds_are_at_least_twice_the_largest_value(draw: np.random.Generator) -> None:
    for value in 10 ** draw.uniform(-30, 30, 500):
        assert 2 * value <= bounds_with_room(np.array([0, value]))[1] <= 5.01 * value


def test_numbers_too_large_for_a_float32_are_left_out() -> None:
    assert kind(EVERY * 1e300).left_out == "too_large"


# ---------------------------------------------------------------- categories


def test_booleans_are_categories() -> None:
    assert spec(EVERY % 2 == 0) == {"kind": "category", "values": "boolean"}
    assert spec(pd.array([True, False, None] * 20, dtype="boolean")) == {
        "kind": "category",
        "values": "boolean",
        "nullable": True,
    }
    assert spec(["True", "False"] * 200) == {"kind": "category", "values": "boolean"}


FLAG = {"kind": "category", "values": "boolean"}
CODE = {"kind": "category", "values": "integer"}


@pytest.mark.parametrize("values", [EVERY % 2, text(EVERY % 2), text(EVERY % 2 * 1.0)])
def test_0_and_1_are_a_boolean_flag(values: Any) -> None:
    assert spec(values) == FLAG


def test_two_whole_numbers_are_a_flag_and_three_are_a_quantity() -> None:
    assert spec(EVERY % 2 + 1) == CODE
    assert spec(EVERY % 3)["kind"] == "number"


def test_flags_codes_and_dates_are_the_same_as_floats_as_they_are_as_integers() -> None:
    gaps = np.where(EVERY % 7 == 0, np.nan, EVERY % 2)
    assert spec(gaps) == FLAG | {"nullable": True}
    for written in (
        lambda values: values,
        lambda values: values.astype(float),
        lambda values: text(values * 1.0),
    ):
        assert spec(written(EVERY % 2)) == FLAG
        assert spec(written(EVERY % 40), "plan code") == CODE
        assert kind(written(20_240_301 + EVERY % 28)).left_out == "date"
    assert spec(EVERY % 2 + 0.5)["kind"] == "number"


@pytest.mark.parametrize(
    ("values", "compared"),
    [
        (["1", "2", "30"], {"values": "integer"}),
        (["-1", "0", " 1.0 "], {"values": "integer"}),
        (["TRUE", "false"], {"values": "boolean"}),
        *((levels, {}) for levels in (["1", "2", "3+"], ["01", "2"], ["true", "1"], ["yes", "no"])),
    ],
)
def test_only_whole_numbers_and_booleans_are_compared_by_value(
    values: list[str], compared: dict[str, str]
) -> None:
    assert spec(values * 100, "some code") == {"kind": "category"} | compared


# ---------------------------------------------------------------- numbers in text


def test_a_missing_token_in_a_column_of_numbers_is_a_missing_number() -> None:
    values = ["NA" if n % 9 == 0 else str(n % 50) for n in EVERY]
    reading = NumberText(TextRules(missing_tokens=("NA",)))
    found = decide_kind(read_column("calls", pd.Series(values), reading))
    number = {"kind": "number", "integer": True, "expected": [0, 100], "nullable": True}
    assert found.spec == number | {"stored_as": "text"}
    assert found.note == "A missing number is written 'NA' in the file."
    flag = decide_kind(read_column("flag", pd.Series(["0", "1", "NA"] * 100), reading))
    assert flag.spec["kind"] == "number"


def test_a_category_keeps_a_missing_token_as_a_level() -> None:
    reading = NumberText(TextRules(missing_tokens=("NA",)))
    assert decide_kind(read_column("plan", pd.Series(["a", "NA"] * 200), reading)).spec == {
        "kind": "category"
    }
    column = read_column("plan code", pd.Series(["1", "2", "NA"] * 200), reading)
    assert decide_kind(column).spec == {"kind": "category"}


def test_signs_are_declared_and_named_in_a_note() -> None:
    column = read_column("share", pd.Series([f"{n % 50} %" for n in EVERY]), NumberText(TextRules(), ("%",)))
    found = decide_kind(column, ("%",))
    assert found.spec["signs"] == ["%"]
    assert (found.spec["stored_as"], found.spec["integer"]) == ("text", True)
    assert "45 % is read as 45" in str(found.note)


def test_numbers_as_text_are_declared_so_unless_every_cell_of_the_file_is_text() -> None:
    series = pd.Series([f"{n / 8}" for n in EVERY])
    assert "stored_as" not in decide_kind(read_column("x", series)).spec
    assert decide_kind(read_column("x", series, text_cells=False)).spec["stored_as"] == "text"


def test_text_with_gaps_is_a_category_that_may_be_missing() -> None:
    assert spec(["red", "blue", None, " "] * 100) == {"kind": "category", "nullable": True}


def test_a_single_value_and_missing_ones_are_useful_only_as_a_category() -> None:
    assert spec(["yes", None] * 200) == {"kind": "category", "nullable": True}
    assert kind([5.0, None] * 200).left_out == "constant"


def test_categories_with_many_values_are_grouped_with_a_note() -> None:
    values = [f"v{n % PLAIN_LEVELS}" for n in range(4_000)]
    assert spec(values) == {"kind": "category"}
    many = kind([*values, *(f"w{n}" for n in range(300))])
    assert many.spec == {"kind": "category", "max_levels": GROUPED_LEVELS}
    assert str(many.note).startswith("360 different values")


def test_only_values_with_enough_rows_have_own_levels() -> None:
    values = ["a"] * 200 + ["b"] * 100 + ["c"] * 19 + [f"r{n}" for n in range(200)]
    assert spec(values) == {"kind": "category", "max_levels": 2}


@pytest.mark.parametrize("name", ["zip code", "PLZ", "areaCode", "branch_id", "postal-code"])
def test_whole_numbers_that_are_codes_by_name_are_categories(name: str) -> None:
    assert spec(10_000 + EVERY % 40, name)["kind"] == "category"


@pytest.mark.parametrize("name", ["visits", "Number", "call number", "number of calls", "tenure", "postage"])
def test_other_whole_numbers_are_quantities(name: str) -> None:
    assert spec(10_000 + EVERY % 40, name)["kind"] == "number"


def test_digits_with_leading_zeros_are_codes() -> None:
    assert spec([f"{n % 40:05d}" for n in EVERY]) == {"kind": "category"}


def test_few_texts_among_few_numbers_are_a_category() -> None:
    assert spec(["0", "1", "2", "3+"] * 100) == {"kind": "category"}


# ---------------------------------------------------------------- left out


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([None] * ROWS, "all_missing"),
        (["", " "] * 200, "all_missing"),
        ([np.nan] * ROWS, "all_missing"),
        (["EUR"] * ROWS, "constant"),
        ([7] * ROWS, "constant"),
        ([True] * ROWS, "constant"),
        (pd.date_range("2024-01-01", periods=ROWS), "date"),
        (pd.to_timedelta(EVERY, unit="s"), "date"),
        ([datetime.date(2024, 1, 1 + n % 28) for n in EVERY], "date"),
        ([datetime.time(n % 24) for n in EVERY], "date"),
        ([[1, 2], [3]] * 200, "nested"),
        ([{"a": 1}, {"a": 2}] * 200, "nested"),
        ([b"\x00", b"\x01"] * 200, "nested"),
        ([f"someone{n}@example.org" for n in EVERY], "naming"),
        ([f"+49 170 {n:07d}" for n in EVERY], "naming"),
        ([f"(030) 55-{n:06d}" for n in EVERY], "naming"),
        ([str(uuid.UUID(int=int(n))) for n in EVERY], "naming"),
        ([f"asked about bill number {n}" for n in EVERY], "free_text"),
        (["x" * 300, "y"] * 200, "free_text"),
        (EVERY + 1, "row_number"),
        (text(EVERY[::-1]), "row_number"),
        ([f"{n}.5" if n % 20 else "n/a" for n in EVERY], "mixed_numbers"),
        ([f"$ {n}.50" for n in EVERY], "mixed_numbers"),
        ([f"{n},5" for n in EVERY], "mixed_numbers"),
        ([f"{n} %" for n in EVERY], "mixed_numbers"),
        ([f"town {n // 3}" for n in EVERY], "scattered"),
    ],
)
def test_columns_that_a_model_can_not_learn_from_are_left_out(values: Any, reason: str) -> None:
    found = kind(values)
    assert (found.left_out, found.spec) == (reason, {})


def test_a_column_without_a_name_is_left_out() -> None:
    assert kind(EVERY % 50, "").left_out == "no_name"


def test_unique_whole_numbers_are_keys_only_by_name() -> None:
    values = np.random.default_rng(0).permutation(ROWS) * 7
    assert kind(values, "contract id").left_out == "naming"
    assert kind(values, "salary").left_out is None


@pytest.mark.parametrize(
    "written",
    [
        *("2024-03-{d:02d}", "2024/3/{d}", "{d}.3.2024", "3/{d}/24", "{d} March 2024", "Mar {d}, 2024"),
        *("2024-03-{d:02d}T12:30:00Z", "2024-03-{d:02d} 12:30:00.123+01:00", "3/{d}/2024 1:05 PM"),
        *("12:{d:02d}", "202403{d:02d}", "2024-{d:02d}", "{d}-Mar-24"),
    ],
)
def test_dates_as_text_are_dates(written: str) -> None:
    days = range(1, 13) if written == "2024-{d:02d}" else range(1, 29)
    assert kind([written.format(d=day) for day in days] * 10).left_out == "date"


@pytest.mark.parametrize("written", ["1-{d}", "city {d:03d}", "{d}-{d}-x", "v1.{d}", "May {d}", "{d}"])
def test_text_that_looks_a_little_like_a_date_is_not_one(written: str) -> None:
    assert kind([written.format(d=day) for day in range(1, 29)] * 10).left_out is None


def test_small_dates_as_whole_numbers_are_quantities() -> None:
    assert spec(20_240_000 + EVERY % 99)["kind"] == "number"


# ---------------------------------------------------------------- Parquet's own types


def test_every_parquet_type_gets_a_kind(tmp_path: Any) -> None:
    stamps = [datetime.datetime(2024, 1, 1) + datetime.timedelta(hours=int(n)) for n in EVERY]
    columns = {
        "decimal": pa.array([decimal.Decimal(int(n)) / 8 for n in EVERY], pa.decimal128(12, 3)),
        "timestamp": pa.array(stamps, pa.timestamp("ns", tz="UTC")),
        "date": pa.array([stamp.date() for stamp in stamps], pa.date32()),
        "time": pa.array([stamp.time() for stamp in stamps], pa.time64("us")),
        "duration": pa.array([datetime.timedelta(int(n)) for n in EVERY], pa.duration("s")),
        "int8 with nulls": pa.array([None if n % 5 == 0 else int(n % 40) for n in EVERY], pa.int8()),
        "uint64": pa.array((EVERY % 90).astype(np.uint64)),
        "float16": pa.array((EVERY % 90).astype(np.float16) / 2),
        "boolean with nulls": pa.array([None if n % 5 == 0 else bool(n % 2) for n in EVERY]),
        "dictionary": pa.array(["a", "b"] * 200).dictionary_encode(),
        "dictionary of numbers": pa.array((EVERY % 40).astype(np.int32)).dictionary_encode(),
        "large text": pa.array(["a", "b"] * 200, pa.large_string()),
        "text view": pa.array(["a", "b"] * 200, pa.string_view()),
        "null": pa.nulls(ROWS),
        "list": pa.array([[1], []] * 200),
        "struct": pa.array([{"a": 1}, {"a": 2}] * 200),
        "map": pa.array([[("k", 1)], []] * 200, pa.map_(pa.string(), pa.int64())),
        "binary": pa.array([b"a", b"b"] * 200),
        "fixed binary": pa.array([b"abcd", b"efgh"] * 200, pa.binary(4)),
    }
    parquet.write_table(pa.table(columns), tmp_path / "t.parquet")
    table = load_table(tmp_path / "t.parquet")
    found = {name: decide_kind(read_column(name, table[name])) for name in table.columns}
    categories = ["boolean with nulls", "dictionary", "large text", "text view"]
    numbers = ["decimal", "int8 with nulls", "uint64", "float16", "dictionary of numbers"]
    left_out = dict.fromkeys(["timestamp", "date", "time", "duration"], "date") | {"null": "all_missing"}
    left_out |= dict.fromkeys(["list", "struct", "map", "binary", "fixed binary"], "nested")
    assert {name: f.left_out for name, f in found.items() if f.left_out} == left_out
    assert [name for name, f in found.items() if f.spec.get("kind") == "category"] == sorted(
        categories, key=list(columns).index
    )
    assert {name for name, f in found.items() if f.spec.get("kind") == "number"} == set(numbers)
