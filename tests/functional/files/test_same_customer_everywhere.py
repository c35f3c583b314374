"""The same customer gets the same score, whatever stores the values and whichever way they come in."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import yaml
from pyarrow import csv, parquet

from churn_core.cli import main
from churn_core.config import parse_config
from churn_core.data import load_csv, load_parquet
from churn_core.data.inspection import config_text, inspect_table
from churn_core.features import encode_table
from churn_core.scoring.files.score_file import BatchSettings, score_file
from churn_core.scoring.predictor import ChurnPredictor
from functions.score.routes import loaded_predictor
from tests.functional.score_api.score_client import post

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.trained_once import TrainedOnce

Scores = list[tuple[float, list[str]]]
"""For each customer, the probability and the columns with unknown values."""

MEANINGS: Final = {
    "customer id": "id",
    "plan": "category",
    "region": "category",
    "months": "whole number",
    "fee": "number",
    "calls": "whole number in text",
    "senior": "flag",
    "paperless": "boolean",
    "plan code": "code",
}
ROWS: Final[list[tuple[Any, ...]]] = [
    (100001, "basic", "Z\u00fcrich", 3, Decimal("20.50"), 2, 1, True, 10),
    (100002, "plus", "bern", 70, Decimal("99.99"), None, 0, False, 20),
    (100003, "pro", "ZU\u0308RICH ", 0, Decimal("0.10"), 0, 1, False, 30),
    (100004, "iron", "Basel", 12, Decimal("1234.00"), 7, 0, True, 40),
    (100005, "basic", " Bern", 36, Decimal("45.00"), 1, 1, True, 10),
]
CUSTOMERS: Final = [dict(zip(MEANINGS, row, strict=True)) for row in ROWS]
"""The customers, with an unknown plan, region and plan code in the fourth."""

WHOLE: Final = ("id", "whole number", "whole number in text", "flag", "boolean", "code")
"""Meanings whose values are whole numbers; a boolean is 0 or 1."""


def stored_as(types: Mapping[str, pa.DataType]) -> pa.Table:
    """Store the customers with Arrow types, by meaning; numbers become text where the type is text."""
    columns = {}
    for name, meaning in MEANINGS.items():
        kind = types.get(meaning, types["category"] if meaning == "category" else None)
        values = [customer[name] for customer in CUSTOMERS]
        if kind is None:
            columns[name] = pa.array(values)
        elif pa.types.is_boolean(kind):
            columns[name] = pa.array([bool(value) for value in values], kind)
        elif meaning == "category":
            columns[name] = pa.array(values).cast(kind)
        elif pa.types.is_decimal(kind):
            columns[name] = pa.array([None if v is None else Decimal(v) for v in values], kind)
        else:
            as_number = float if pa.types.is_floating(kind) else int
            columns[name] = pa.array([None if v is None else as_number(v) for v in values], kind)
    return pa.table(columns)


def text(**written: Callable[[Any], str]) -> pa.Table:
    """Store numbers as text, each meaning as given; the others as Python has them."""
    table = stored_as({"category": pa.string(), "number": pa.float64(), "whole number": pa.int64()})
    for name, meaning in MEANINGS.items():
        if meaning.replace(" ", "_") in written:
            cells = [written[meaning.replace(" ", "_")](customer[name]) for customer in CUSTOMERS]
            table = table.set_column(table.schema.get_field_index(name), name, pa.array(cells))
    return table


def by_duckdb(folder: Path) -> Path:
    """Let DuckDB write the customers with its own types; HUGEINT becomes DOUBLE in Parquet."""
    path = folder / "duckdb.parquet"
    table = stored_as({"category": pa.string(), "number": pa.float64()})
    connection = duckdb.connect()
    connection.register("customers", table)
    types = {
        "customer id": "DECIMAL(38, 0)",
        "plan": "ENUM ('basic', 'plus', 'pro', 'iron')",
        "months": "HUGEINT",
        "fee": "DECIMAL(18, 3)",
        "calls": "HUGEINT",
        "senior": "DECIMAL(1, 0)",
        "paperless": "UTINYINT",
        "plan code": "FLOAT",
    }
    columns = ", ".join(f'"{name}"::{kind} AS "{name}"' for name, kind in types.items())
    connection.execute(f"COPY (SELECT region, {columns} FROM customers) TO '{path}' (FORMAT parquet)")
    return path


NUMBERS: Final = {"number": pa.float64()}
STORAGES: Final[dict[str, pa.Table]] = {
    "pandas": stored_as(NUMBERS | {"category": pa.string(), "whole number in text": pa.float64()}),
    "pandas after a missing value": stored_as(
        NUMBERS | {"category": pa.string()} | dict.fromkeys(WHOLE, pa.float64())
    ),
    "single floats": stored_as({"category": pa.string()} | NUMBERS | dict.fromkeys(WHOLE, pa.float32())),
    "narrow integers": stored_as(
        NUMBERS | {"category": pa.string()} | dict.fromkeys(WHOLE, pa.int8()) | {"id": pa.uint32()}
    ),
    "booleans": stored_as(
        NUMBERS | {"category": pa.string()} | dict.fromkeys(("flag", "boolean"), pa.bool_())
    ),
    "Polars": stored_as(
        NUMBERS
        | {"category": pa.dictionary(pa.uint32(), pa.large_string()), "id": pa.uint64(), "code": pa.int64()}
    ),
    "Snowflake": stored_as(
        {"category": pa.string(), "number": pa.decimal128(12, 2)} | dict.fromkeys(WHOLE, pa.decimal128(38, 0))
    ),
    "decimals with digits after the point": stored_as(
        {"category": pa.large_string(), "number": pa.decimal128(38, 6)}
        | dict.fromkeys(WHOLE, pa.decimal128(20, 2))
        # An id in text, as this table becomes in a CSV file, has no point.
        | {"id": pa.decimal128(20, 0)}
    ),
    "text": text(
        id=str,
        whole_number_in_text=lambda value: "n/a" if value is None else f" {value} ",
        flag=lambda value: f"{value}.0",
        boolean=lambda value: str(value).upper(),
        code=str,
    ),
    "text of floats": text(
        id=str,
        whole_number_in_text=lambda value: "" if value is None else f"{value}.0",
        flag=lambda value: str(bool(value)),
        boolean=lambda value: str(int(value)),
        code=lambda value: f"{value}.00",
    ),
}


@pytest.fixture(scope="module")
def bundle(trained_once: TrainedOnce, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose columns are declared by ``churn init`` for a CSV file."""
    folder, draw, rows = tmp_path_factory.mktemp("everywhere"), np.random.default_rng(5), 600
    calls = draw.poisson(2, rows).astype(str).astype(object)
    calls[::17] = "n/a"
    table = pd.DataFrame(
        {
            "customer id": draw.permutation(90_000)[:rows] + 100_000,
            "plan": draw.choice(["basic", "plus", "pro"], rows),
            "region": draw.choice(["Z\u00fcrich", "ZU\u0308RICH", "Bern", "bern  "], rows),
            "months": draw.integers(0, 72, rows),
            "fee": np.round(draw.gamma(4, 120, rows), 2),
            "calls": calls,
            "senior": draw.integers(0, 2, rows),
            "paperless": draw.choice(["True", "False"], rows),
            "plan code": draw.choice([10, 20, 30], rows),
        }
    )
    odds = 0.5 - 0.04 * table["months"] + (table["plan"] == "basic") - 0.6 * table["senior"]
    table["churned"] = np.where(draw.random(rows) < 1 / (1 + np.exp(-odds)), "yes", "no")
    table.to_csv(folder / "train.csv", index=False)
    cells = load_csv(folder / "train.csv")
    content = yaml.safe_load(config_text(inspect_table(cells, "churned"), "train.csv"))
    content["data"]["features"]["region"]["normalise"] = True
    content |= {"model": {"type": "logistic_regression"}, "evaluation": {"folds": 2, "repeats": 1}}
    return trained_once.bundle(parse_config(content), cells, folder / "bundle")


@pytest.fixture(scope="module")
def predictor(bundle: Path) -> ChurnPredictor:
    return ChurnPredictor.load(bundle)


@pytest.fixture(scope="module")
def expected(predictor: ChurnPredictor) -> Scores:
    """The scores of the customers as plain Python values."""
    return from_answers(predictor.predict(json_records(stored_as({"category": pa.string()} | NUMBERS))))


@pytest.fixture
def served(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The score function answers with the model."""
    monkeypatch.setenv("CHURN_MODEL_DIR", str(bundle))
    loaded_predictor.cache_clear()
    yield
    loaded_predictor.cache_clear()


def json_records(table: pa.Table) -> list[dict[str, Any]]:
    """Return the rows as JSON can hold them."""
    return [{name: json_value(value) for name, value in row.items()} for row in table.to_pylist()]


def json_value(value: Any) -> Any:
    if not isinstance(value, Decimal):
        return value
    return int(value) if value == value.to_integral_value() else float(value)


def from_answers(answers: list[dict[str, Any]]) -> Scores:
    return [(answer["churn_probability"], answer["warnings"]) for answer in answers]


def from_file(path: Path) -> Scores:
    """Read a scored file in the order of the ids, which must be those of the customers."""
    rows = duckdb.execute(
        f"SELECT churn_probability, warnings, \"customer id\" FROM '{path}' ORDER BY row_number"
    ).fetchall()
    assert [row[2] for row in rows] == [customer["customer id"] for customer in CUSTOMERS]
    return [(row[0], row[1].split(",") if row[1] else []) for row in rows]


def test_init_declares_what_each_column_means(predictor: ChurnPredictor) -> None:
    contract = predictor.contract
    declared = {name: contract.feature(name) for name in contract.names}
    assert {name: getattr(feature, "values", "number") for name, feature in declared.items()} == {
        "plan": "text",
        "region": "text",
        "months": "number",
        "fee": "number",
        "calls": "number",
        "senior": "integer",
        "paperless": "boolean",
        "plan code": "integer",
    }
    assert contract.reader.text.missing_tokens == ("n/a",)
    assert contract.id_type == "integer"


def test_the_customers_differ_and_unknown_values_are_named(expected: Scores) -> None:
    assert len({probability for probability, _ in expected}) == len(CUSTOMERS)
    assert [warnings for _, warnings in expected] == [[], [], [], ["plan", "region", "plan code"], []]


@pytest.mark.parametrize("storage", STORAGES)
def test_parquet_files(predictor: ChurnPredictor, expected: Scores, storage: str, tmp_path: Path) -> None:
    source, out = tmp_path / "in.parquet", tmp_path / "out.parquet"
    parquet.write_table(STORAGES[storage], source)
    score_file(source, out, predictor, BatchSettings(threads=1))
    assert from_file(out) == expected


@pytest.mark.parametrize("storage", STORAGES)
def test_tables_of_training_and_evaluation(
    predictor: ChurnPredictor, expected: Scores, storage: str, tmp_path: Path
) -> None:
    parquet.write_table(STORAGES[storage], tmp_path / "in.parquet")
    matrix = encode_table(load_parquet(tmp_path / "in.parquet"), predictor.contract)
    probabilities = predictor.score_matrix(matrix).probability.tolist()
    assert probabilities == [probability for probability, _ in expected]


@pytest.mark.parametrize("storage", STORAGES)
def test_csv_files(bundle: Path, expected: Scores, storage: str, tmp_path: Path) -> None:
    source, out = tmp_path / "in.csv", tmp_path / "out.parquet"
    table = STORAGES[storage]
    plain = [c.cast(pa.string()) if pa.types.is_dictionary(c.type) else c for c in table.columns]
    csv.write_csv(pa.table(plain, table.column_names), source)
    assert main(["score", str(source), str(out), "--model", str(bundle)]) == 0
    assert from_file(out) == expected


def test_parquet_files_of_duckdb(predictor: ChurnPredictor, expected: Scores, tmp_path: Path) -> None:
    score_file(by_duckdb(tmp_path), tmp_path / "out.parquet", predictor, BatchSettings(threads=1))
    assert from_file(tmp_path / "out.parquet") == expected


def test_parquet_files_of_polars(predictor: ChurnPredictor, expected: Scores, tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")
    polars.from_arrow(STORAGES["Polars"]).write_parquet(tmp_path / "in.parquet")
    score_file(tmp_path / "in.parquet", tmp_path / "out.parquet", predictor, BatchSettings(threads=1))
    assert from_file(tmp_path / "out.parquet") == expected


@pytest.mark.parametrize("storage", STORAGES)
def test_records_and_the_api(predictor: ChurnPredictor, expected: Scores, storage: str, served: None) -> None:
    records = json_records(STORAGES[storage])
    assert from_answers(predictor.predict(records)) == expected
    assert from_answers([predictor.predict(record) for record in records]) == expected
    answer = post("/predict/batch", {"customers": records})
    assert answer.status == 200, answer.body
    assert from_answers(answer.content["predictions"]) == expected


@pytest.mark.parametrize("storage", STORAGES)
def test_the_open_inference_protocol(expected: Scores, storage: str, served: None) -> None:
    datatypes = {str: "BYTES", bool: "BOOL", int: "INT64", float: "FP64"}
    records = json_records(STORAGES[storage])
    inputs = []
    for name in MEANINGS:
        data = [record[name] for record in records]
        # One tensor has one type: the wider one, if whole and fractional numbers are mixed.
        kinds = {type(value) for value in data if value is not None}
        kind = datatypes[float if kinds == {int, float} else kinds.pop()]
        inputs.append({"name": name, "shape": [len(data)], "datatype": kind, "data": data})
    answer = post("/v2/models/churn/infer", {"inputs": inputs})
    assert answer.status == 200, answer.body
    assert answer.content["outputs"][0]["data"] == [probability for probability, _ in expected]
