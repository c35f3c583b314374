"""Python, pandas and DuckDB give the same reject code or matrix value for the same value."""

from __future__ import annotations

import json
import math
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from churn_core.data.columns import parse_category_column, parse_number_column
from churn_core.errors import REJECT_CODES, InvalidRecordsError
from churn_core.schema import CategoryFeature, Contract, NumberFeature
from churn_core.scoring.files.score_file import score_file
from churn_core.scoring.predictor import ChurnPredictor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TEXTS = st.one_of(
    st.sampled_from(["red", "größe", "gro\u0308ße", "größe ", "RED", "true", "false", "0", "1", "-1", "1.0"]),
    st.sampled_from(["", " ", "\t", "\n", "\r", "\v", "\f", " \t\n\r\v\f", "\u00a0", "\u200b", "\u202ered"]),
    st.sampled_from(["a\0b", "\0", "x" * 256, "x" * 257, "é" * 257, "'", '"', "; DROP TABLE t; --", "NULL"]),
    st.text(max_size=12).filter(lambda text: not any("\ud800" <= c <= "\udfff" for c in text)),
    st.none(),
)
NUMBER_TEXTS = st.one_of(
    st.sampled_from(
        ["1.", ".5", "+1e3", "1_000", " 12 ", "nan", "-NaN", "inf", "-Infinity", "1e999", "", " "]
    ),
    st.sampled_from(
        ["abc", "\u0661\u0662", "1,5", "0x10", "1e", "--1", "1 2", "1e-400", "12\u00a0", "9" * 40]
    ),
    st.floats(allow_nan=False, allow_infinity=False).map(str),
    st.none(),
)
BOUND = 100.1
NUMBERS = st.one_of(
    st.sampled_from([math.nan, math.inf, -math.inf, -0.0, 0.0, 1e39, -1e39, 5e-324, 1.0, 1.5, BOUND, -BOUND]),
    st.sampled_from([float(np.nextafter(s * BOUND, d)) for s in (1, -1) for d in (-math.inf, math.inf)]),
    st.floats(min_value=-200, max_value=200),
    st.none(),
)
WORDS = CategoryFeature("word", vocabulary=("0", "größe", "red", "true"))
CONTRACT = Contract(
    features=(
        WORDS,
        NumberFeature("amount", -BOUND, BOUND),
        NumberFeature("count", -50, 50, integer=True, nullable=True),
        NumberFeature("typed", -1000, 1000, nullable=True, stored_as_text=True),
    ),
    target="left",
    positive="yes",
    negative="no",
)


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> ChurnPredictor:
    """A model of the contract above, trained on generated rows."""
    from churn_core.config import parse_config
    from churn_core.pipelines import run_training

    generator = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "word": generator.choice(WORDS.vocabulary, 400),
            "amount": generator.uniform(-100, 100, 400),
            "count": generator.integers(-50, 50, 400),
            "typed": generator.uniform(-1000, 1000, 400),
            "left": generator.choice(["yes", "no"], 400),
        }
    )
    number = {"kind": "number", "nullable": True}
    config = parse_config(
        {
            "data": {
                "target": {"column": "left", "positive": "yes", "negative": "no"},
                "features": {
                    "word": {"kind": "category"},
                    "amount": {"kind": "number", "minimum": -BOUND, "maximum": BOUND},
                    "count": number | {"minimum": -50, "maximum": 50, "integer": True},
                    "typed": number | {"minimum": -1000, "maximum": 1000, "stored_as": "text"},
                },
            },
            "evaluation": {"folds": 2, "repeats": 1},
        }
    )
    folder = tmp_path_factory.mktemp("model") / "bundle"
    run_training(config, table, folder, jobs=1)
    return ChurnPredictor.load(folder)


def by_python(predictor: ChurnPredictor, record: dict[str, Any]) -> tuple[Any, ...]:
    try:
        answer = predictor.predict(record)
    except InvalidRecordsError as error:
        return (error.faults[0].code,)
    return None, answer["churn_probability"], ",".join(answer["warnings"]) or None


def by_duckdb(predictor: ChurnPredictor, columns: dict[str, pa.Array]) -> list[tuple[Any, ...]]:
    with tempfile.TemporaryDirectory() as name:
        source, out = Path(name) / "in.parquet", Path(name) / "out.parquet"
        pq.write_table(pa.table(columns), source)
        score_file(source, out, predictor)
        rows = duckdb.execute(f"SELECT reject_code, churn_probability, warnings FROM '{out}'").fetchall()
    return [row[:1] if row[0] else row for row in rows]


def agree(
    predictor: ChurnPredictor, columns: Mapping[str, Sequence[Any]], types: dict[str, pa.DataType]
) -> None:
    arrays = {name: pa.array(values, type=types[name]) for name, values in columns.items()}
    records = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    assert by_duckdb(predictor, arrays) == [by_python(predictor, record) for record in records]


many = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TYPES = {"word": pa.string(), "amount": pa.float64(), "count": pa.float64(), "typed": pa.string()}


@many
@given(st.lists(st.tuples(TEXTS, NUMBERS, NUMBERS, NUMBER_TEXTS), min_size=1, max_size=40))
def test_files_and_predict_agree_on_any_row(predictor: ChurnPredictor, rows: list[tuple[Any, ...]]) -> None:
    agree(predictor, dict(zip(TYPES, zip(*rows, strict=True), strict=True)), TYPES)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (pa.bool_(), [True, False, None]),
        (pa.int8(), [0, 1, -1, None]),
        (pa.uint64(), [0, 2**64 - 1]),
        (pa.int64(), [0, -(2**63), 2**53 + 1]),
        (pa.dictionary(pa.int8(), pa.string()), ["red", "größe", None, "blue"]),
    ],
)
def test_whole_numbers_and_booleans_are_categories_by_their_text(
    predictor: ChurnPredictor, kind: pa.DataType, values: list[Any]
) -> None:
    columns = {"word": values, "amount": [1.0] * len(values), "count": [1.0] * len(values)}
    columns["typed"] = ["1"] * len(values)
    agree(predictor, columns, TYPES | {"word": kind})


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        *(
            (getattr(pa, f"{sign}int{bits}")(), [0, 1, 50, 51, None])
            for sign in ("", "u")
            for bits in (8, 16, 32, 64)
        ),
        (pa.int64(), [2**53 + 1, -(2**63)]),
        (pa.float32(), [1.5, 0.1, math.nan, math.inf, 1.0]),
    ],
)
def test_numbers_of_every_width_are_read_as_their_value(
    predictor: ChurnPredictor, kind: pa.DataType, values: list[Any]
) -> None:
    columns: dict[str, list[Any]] = {
        "word": ["red"] * len(values),
        "amount": [1.0] * len(values),
        "count": values,
    }
    columns["typed"] = ["1"] * len(values)
    exact = [None if v is None else float(np.float32(v)) if kind == pa.float32() else v for v in values]
    agree(predictor, columns | {"count": exact}, TYPES | {"count": kind})


@settings(max_examples=150, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=30))
def test_pandas_gives_categories_the_same_verdict(values: list[str | None]) -> None:
    column = parse_category_column(pd.Series(values, dtype=object), WORDS)
    encoder = _encoder(WORDS)
    for row, value in enumerate(values):
        encoded = encoder.encode_records([{"word": value}])
        codes = [fault.code for fault in encoded.faults]
        assert ([REJECT_CODES[column.faults[row] - 1]] if column.faults[row] else []) == codes
        if not codes:
            known: dict[str | None, int] = {text: code for code, text in enumerate(WORDS.vocabulary)}
            known[None] = WORDS.missing_code
            assert known.get(column.text[row], WORDS.unknown_code) == encoded.matrix[0, 0]


@settings(max_examples=150, deadline=None)
@given(st.lists(NUMBER_TEXTS, min_size=1, max_size=30))
def test_pandas_gives_numbers_in_text_the_same_verdict(values: list[str | None]) -> None:
    feature = CONTRACT.feature("typed")
    assert isinstance(feature, NumberFeature)
    column = parse_number_column(pd.Series(values, dtype=object), feature, text_cells=False)
    _same_numbers(column, values, feature)


@settings(max_examples=150, deadline=None)
@given(st.lists(NUMBERS, min_size=1, max_size=30), st.booleans())
def test_pandas_gives_numbers_the_same_verdict(values: list[float | None], nullable: bool) -> None:
    declared = CONTRACT.feature("count")
    assert isinstance(declared, NumberFeature)
    feature = replace(declared, nullable=nullable)
    _same_numbers(
        parse_number_column(pd.Series(values, dtype="float64"), feature, text_cells=False), values, feature
    )


def _same_numbers(column: Any, values: Sequence[Any], feature: NumberFeature) -> None:
    encoder = _encoder(feature)
    for row, value in enumerate(values):
        encoded = encoder.encode_records([{feature.name: value}])
        codes = [fault.code for fault in encoded.faults]
        assert ([REJECT_CODES[column.faults[row] - 1]] if column.faults[row] else []) == codes, json.dumps(
            str(value)
        )
        np.testing.assert_array_equal(np.float32(column.values[row]), encoded.matrix[0, 0])


def _encoder(feature: Any) -> Any:
    from churn_core.scoring.records.encoding import RecordEncoder

    return RecordEncoder(replace(CONTRACT, features=(feature,)))
