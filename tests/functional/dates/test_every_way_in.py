"""A customer with dates has the same score on every way in, and a value that is no date is named."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from churn_core.cli import main
from churn_core.data.loading import table_records
from churn_core.errors import InvalidRecordsError
from churn_core.features.encoder import encode_table
from churn_core.scoring.files.score_file import score_file
from churn_core.scoring.predictor import ChurnPredictor
from churn_core.scoring.records.encoding import RecordEncoder
from functions.score.routes import loaded_predictor
from tests.functional.dates.dated_customers import CONFIG, DATES, as_records, as_text
from tests.functional.score_api.score_client import get, post

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def predictor(dated_bundle: Path) -> ChurnPredictor:
    return ChurnPredictor.load(dated_bundle)


@pytest.fixture
def expected(predictor: ChurnPredictor, dated: pd.DataFrame) -> list[float]:
    """The scores by the matrix that pandas encodes."""
    scores = predictor.score_matrix(encode_table(dated, predictor.contract))
    return [float(score) for score in scores.probability]


@pytest.fixture
def api(dated_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CHURN_MODEL_DIR", str(dated_bundle))
    loaded_predictor.cache_clear()
    yield
    loaded_predictor.cache_clear()


def write_csv(customers: pd.DataFrame, path: Path) -> None:
    as_text(customers).to_csv(path, index=False)


def write_zoned(customers: pd.DataFrame, path: Path) -> None:
    zone = {name: customers[name].dt.tz_localize("UTC").dt.tz_convert("America/New_York") for name in DATES}
    customers.assign(**zone).to_parquet(path)


def write_dates(customers: pd.DataFrame, path: Path) -> None:
    table = pa.Table.from_pandas(customers, preserve_index=False)
    for name in DATES:
        place = table.schema.get_field_index(name)
        table = table.set_column(place, name, table[name].cast(pa.date32(), safe=False))
    parquet.write_table(table, path)


WAYS: dict[str, tuple[str, Callable[[pd.DataFrame, Path], None]]] = {
    "text in CSV": ("in.csv", write_csv),
    "text in Parquet": ("in.parquet", lambda customers, path: as_text(customers).to_parquet(path)),
    "times in Parquet": ("in.parquet", lambda customers, path: customers.to_parquet(path)),
    "times with a zone in Parquet": ("in.parquet", write_zoned),
    "dates in Parquet": ("in.parquet", write_dates),
}


@pytest.mark.parametrize("way", WAYS)
def test_files_give_the_same_scores(
    way: str, dated: pd.DataFrame, dated_bundle: Path, expected: list[float], tmp_path: Path
) -> None:
    name, write = WAYS[way]
    write(dated, tmp_path / name)
    assert (
        main(["score", str(tmp_path / name), str(tmp_path / "out.parquet"), "--model", str(dated_bundle)])
        == 0
    )
    rows = duckdb.execute(f"SELECT churn_probability FROM '{tmp_path}/out.parquet'").fetchall()
    assert [score for (score,) in rows] == expected


@pytest.mark.parametrize("way", WAYS)
def test_the_tables_of_predict_give_the_same_scores(
    way: str, dated: pd.DataFrame, predictor: ChurnPredictor, expected: list[float], tmp_path: Path
) -> None:
    name, write = WAYS[way]
    write(dated, tmp_path / name)
    answers = predictor.predict(table_records(tmp_path / name, predictor.contract))
    assert [answer["churn_probability"] for answer in answers] == expected


def test_requests_give_the_same_scores(api: None, dated: pd.DataFrame, expected: list[float]) -> None:
    answer = post("/predict/batch", {"customers": as_records(dated)})
    assert answer.status == 200, answer.body
    assert [row["churn_probability"] for row in answer.content["predictions"]] == expected
    single = post("/predict", as_records(dated.head(1))[0])
    assert single.content["churn_probability"] == expected[0]
    assert {reason["feature"] for reason in single.content["reasons"]} <= {
        "plan",
        "tenure",
        "idle",
        "until_2025",
    }


def test_v2_requests_give_the_same_scores(api: None, dated: pd.DataFrame, expected: list[float]) -> None:
    inputs = get("/v2/models/churn").content["inputs"]
    assert {tensor["name"]: tensor["datatype"] for tensor in inputs} == dict.fromkeys(
        ["plan", *DATES], "BYTES"
    )
    records = as_records(dated)
    tensors = [
        tensor | {"shape": [len(records)], "data": [record[tensor["name"]] for record in records]}
        for tensor in inputs
    ]
    answer = post("/v2/models/churn/infer", {"inputs": tensors})
    assert answer.status == 200, answer.body
    assert answer.content["outputs"][0]["data"] == expected


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("signup", "31.02.2024", "not_a_date"),
        ("signup", "02/01/2024", "not_a_date"),
        ("last_login", "yesterday", "not_a_date"),
        ("snapshot", 20240301, "not_a_date"),
        ("snapshot", True, "not_a_date"),
        ("signup", None, "missing"),
        ("signup", "never", "missing"),
        ("snapshot", "x" * 300, "too_long"),
    ],
)
def test_a_request_with_a_wrong_date_names_its_column(
    api: None, dated: pd.DataFrame, column: str, value: Any, code: str
) -> None:
    record = as_records(dated.head(1))[0]
    answer = post("/predict", record | {column: value})
    assert (answer.status, answer.problem) == (422, "validation")
    # The date is in two or three features, and reported once.
    assert answer.errors == [([column], code)]


def test_a_request_names_the_date_columns_and_not_the_days(api: None, dated: pd.DataFrame) -> None:
    record = as_records(dated.head(1))[0]
    answer = post("/predict", record | {"tenure": 5})
    assert answer.errors[0][1] == "extra_forbidden"
    without = {name: value for name, value in record.items() if name != "signup"}
    assert post("/predict", without).errors == [(["signup"], "missing")]
    schema = get("/openapi.json").content["components"]["schemas"]["Customer"]
    assert set(schema["properties"]) == {"customer", "plan", *DATES}
    assert "last_login" not in schema["required"]
    example = {name: one["example"] for name, one in schema["properties"].items() if "example" in one}
    assert post("/predict", example).status == 200


def test_the_description_of_the_model_has_the_columns_of_a_request(api: None) -> None:
    info = get("/model/info").content
    columns = {column["name"]: column for column in info["features"]}
    assert list(columns) == ["plan", *("signup", "snapshot", "last_login")]
    assert columns["signup"]["kind"] == "date"
    assert columns["signup"]["format"] == "DD.MM.YYYY"
    assert columns["last_login"] | {"typical": ""} == {
        "name": "last_login",
        "label": "last_login",
        "help": None,
        "nullable": True,
        "typical": "",
        "kind": "date",
        "format": "YYYY-MM-DD",
    }
    assert info["days_between"][0] == {"name": "tenure", "from": "signup", "to": "snapshot"}


@pytest.mark.parametrize("text", [True, False])
def test_a_file_with_wrong_dates_rejects_their_rows(
    text: bool, dated: pd.DataFrame, predictor: ChurnPredictor, tmp_path: Path
) -> None:
    customers = as_text(dated).head(5) if text else dated.head(5).copy()
    if text:
        customers["signup"] = ["31.02.2024", "", customers["signup"][2], "x" * 300, customers["signup"][4]]
    else:
        customers["signup"] = np.array(
            ["0000-12-31", "NaT", "2020-01-01", "10000-01-01", "2020-01-01"], dtype="datetime64[s]"
        )
    customers.to_parquet(tmp_path / "in.parquet")
    result = score_file(tmp_path / "in.parquet", tmp_path / "out.parquet", predictor)
    codes = duckdb.execute(f"SELECT reject_code FROM '{tmp_path}/out.parquet'").fetchall()
    long = "too_long" if text else "not_a_date"
    assert [code for (code,) in codes] == ["not_a_date", "missing", None, long, None]
    assert (result.scored, result.rejected, result.rejects["missing"]) == (2, 3, 1)


def test_the_golden_rows_hold_dates_that_pandas_and_duckdb_read_alike(
    predictor: ChurnPredictor, tmp_path: Path
) -> None:
    golden = [row["record"] for row in predictor.bundle.manifest["golden_rows"]]
    assert all(set(record) == {"plan", *DATES} for record in golden)
    written = json.dumps(golden)
    for special in ("0001-01-01", "9999-12-31T23", "2024-02-29", "-00:30", "+00:01"):
        assert special in written
    contract = predictor.contract
    by_record = RecordEncoder(contract).encode_records(golden)
    assert by_record.faults == []
    table = pd.DataFrame(golden)
    np.testing.assert_array_equal(encode_table(table, contract), by_record.matrix)
    days = by_record.matrix[:, contract.position("tenure")]
    assert days.min() < -1_000_000 < 1_000_000 < days.max()
    table.assign(customer="x").to_parquet(tmp_path / "in.parquet")
    score_file(tmp_path / "in.parquet", tmp_path / "out.parquet", predictor)
    scores = duckdb.execute(f"SELECT churn_probability FROM '{tmp_path}/out.parquet'").fetchall()
    assert [score for (score,) in scores] == [a["churn_probability"] for a in predictor.predict(golden)]


def test_dates_of_python_are_scored(
    predictor: ChurnPredictor, dated: pd.DataFrame, expected: list[float]
) -> None:
    table = dated.head(20).drop(columns="left")
    records = [dict(zip(map(str, table), row, strict=True)) for row in table.itertuples(index=False)]
    answers = predictor.predict(records)
    assert [answer["churn_probability"] for answer in answers] == expected[:20]
    columns = {name: dated[name].tolist() for name in predictor.contract.columns}
    assert predictor.predict_columns(columns).probability.tolist() == expected
    with pytest.raises(InvalidRecordsError, match="'signup': not_a_date"):
        predictor.predict(records[0] | {"signup": "today"})


def test_every_command_works_with_dates(
    dated: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_csv(dated, tmp_path / "in.csv")
    (tmp_path / "config.yaml").write_text(json.dumps(CONFIG))
    config, model = ["--config", str(tmp_path / "config.yaml")], ["--model", str(tmp_path / "model")]
    table = str(tmp_path / "in.csv")
    assert main(["validate", table, *config]) == 0
    assert main(["train", table, *config, "--out", str(tmp_path / "model")]) == 0
    assert main(["evaluate", table, *model]) == 0
    capsys.readouterr()
    assert main(["drift", table, *model, "--json"]) == 0
    drift = json.loads(capsys.readouterr().out)
    assert drift["verdict"] == "stable"
    assert {column["column"] for column in drift["columns"]} == {"plan", "tenure", "idle", "until_2025"}
    assert main(["predict", table, *model]) == 0
    assert len(json.loads(capsys.readouterr().out)) == len(dated)


def test_validation_names_the_date_column_and_the_format(
    dated: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    customers = as_text(dated)
    customers.loc[3, "signup"] = "2024/01/01"
    customers.loc[4, "snapshot"] = ""
    customers.to_csv(tmp_path / "in.csv", index=False)
    (tmp_path / "config.yaml").write_text(json.dumps(CONFIG))
    assert (
        main(["validate", str(tmp_path / "in.csv"), "--config", str(tmp_path / "config.yaml"), "--json"]) == 1
    )
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert [(f["column"], f["rule"], f["example_rows"]) for f in findings] == [
        ("signup", "not_a_date", [3]),
        ("snapshot", "missing", [4]),
    ]
    assert "DD.MM.YYYY" in findings[0]["message"]
    assert "reader.date_formats.signup" in findings[0]["message"]
