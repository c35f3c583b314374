"""The same customer gets the same score, whatever stores the values and whichever way they come in."""

from __future__ import annotations

import gzip
import io
import json
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

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
from churn_core.data.loading import table_records
from churn_core.features import encode_table
from churn_core.scoring.files.score_file import BatchSettings, score_file
from churn_core.scoring.predictor import ChurnPredictor
from functions.score.routes import loaded_predictor
from tests.functional.batch.scored_here import scored_here
from tests.functional.files.same_customers import (
    CUSTOMERS,
    MEANINGS,
    NUMBERS,
    SPARK,
    STORAGES,
    by_duckdb,
    stored_as,
)
from tests.functional.score_api.score_client import post

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.trained_once import TrainedOnce

Scores = list[tuple[float, list[str]]]
"""For each customer, the probability and the columns with unknown values."""


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
            "signup": pd.Timestamp("2016-01-01") + pd.to_timedelta(draw.integers(0, 3_000, rows), "D"),
            "snapshot": "2024-12-31",
        }
    )
    table.loc[::13, ["plan", "region"]] = None
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
    if isinstance(value, date):
        return value.isoformat()
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
        "senior": "boolean",
        "paperless": "boolean",
        "plan code": "integer",
        "days_since_signup": "number",
    }
    assert contract.reader.text.missing_tokens == ("n/a",)
    assert contract.id_type == "integer"


def test_the_customers_differ_and_unknown_values_are_named(expected: Scores) -> None:
    assert len({probability for probability, _ in expected}) == len(CUSTOMERS)
    assert [warnings for _, warnings in expected] == [[], [], [], ["plan", "region", "plan code"], [], []]


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
    plain = [
        c.cast(pa.string()) if pa.types.is_dictionary(c.type) or c.type == pa.string_view() else c
        for c in table.columns
    ]
    csv.write_csv(pa.table(plain, table.column_names), source)
    assert main(["score", str(source), str(out), "--model", str(bundle)]) == 0
    assert from_file(out) == expected


def test_parquet_files_of_duckdb(predictor: ChurnPredictor, expected: Scores, tmp_path: Path) -> None:
    score_file(by_duckdb(tmp_path), tmp_path / "out.parquet", predictor, BatchSettings(threads=1))
    assert from_file(tmp_path / "out.parquet") == expected


def test_parquet_files_of_spark(predictor: ChurnPredictor, expected: Scores, tmp_path: Path) -> None:
    # With flavor="spark" pyarrow would also replace the blanks in the names.
    parquet.write_table(SPARK, tmp_path / "in.parquet", use_deprecated_int96_timestamps=True)
    assert parquet.ParquetFile(tmp_path / "in.parquet").schema.column(9).physical_type == "INT96"
    score_file(tmp_path / "in.parquet", tmp_path / "out.parquet", predictor, BatchSettings(threads=1))
    assert from_file(tmp_path / "out.parquet") == expected


@pytest.mark.parametrize("storage", STORAGES)
def test_csv_files_with_semicolons_and_decimal_commas(
    bundle: Path, expected: Scores, storage: str, tmp_path: Path
) -> None:
    source, out = tmp_path / "in.csv.gz", tmp_path / "out.parquet"
    lines = [";".join(MEANINGS)] + [
        ";".join(written_with_comma(name, row[name]) for name in MEANINGS)
        for row in STORAGES[storage].to_pylist()
    ]
    source.write_bytes(gzip.compress("".join(f"{line}\r\n" for line in lines).encode()))
    options = ["--reader", "delimiter=;", "--reader", "decimal=,"]
    assert main(["score", str(source), str(out), "--model", str(bundle), *options]) == 0
    assert from_file(out) == expected


def written_with_comma(name: str, value: Any) -> str:
    if value is None:
        return ""
    return str(value) if MEANINGS[name] in ("category", "date") else str(value).replace(".", ",")


@pytest.mark.parametrize("options", [[], ["--reader", "decimal=,"]])
@pytest.mark.parametrize("storage", [name for name in STORAGES if not name.startswith("text")])
def test_json_lines(bundle: Path, expected: Scores, storage: str, options: list[str], tmp_path: Path) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.parquet"
    source.write_text(json_lines(STORAGES[storage]))
    assert main(["score", str(source), str(out), "--model", str(bundle), *options]) == 0
    assert from_file(out) == expected


@pytest.mark.parametrize("storage", STORAGES)
def test_the_tables_of_predict(
    predictor: ChurnPredictor, expected: Scores, storage: str, tmp_path: Path
) -> None:
    parquet.write_table(STORAGES[storage], tmp_path / "in.parquet")
    records = table_records(tmp_path / "in.parquet", predictor.contract)
    assert [record["customer id"] for record in records] == [
        customer["customer id"] for customer in CUSTOMERS
    ]
    assert from_answers(predictor.predict(records)) == expected


@pytest.mark.parametrize("key", ["in.parquet", "in.csv", "in.csv.gz", "in.jsonl", "in.jsonl.gz"])
@pytest.mark.parametrize("storage", STORAGES)
def test_drops(bundle: Path, expected: Scores, storage: str, key: str, tmp_path: Path) -> None:
    table = STORAGES[storage]
    content = dropped(table, key)
    scored = scored_here(tmp_path, bundle, content, key)
    parquet.write_table(scored, tmp_path / "out.parquet")
    assert from_file(tmp_path / "out.parquet") == expected


def dropped(table: pa.Table, key: str) -> bytes:
    """Return the content of the file `key` with a table's rows."""
    if key.endswith(".parquet"):
        content = io.BytesIO()
        parquet.write_table(table, content)
        return content.getvalue()
    text = json_lines(table).encode() if ".jsonl" in key else table.to_pandas().to_csv(index=False).encode()
    return gzip.compress(text) if key.endswith(".gz") else text


def json_lines(table: pa.Table) -> str:
    return "".join(f"{json.dumps(record)}\n" for record in json_records(table))


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
