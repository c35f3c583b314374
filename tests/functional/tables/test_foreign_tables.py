"""Tables of other languages and dialects go from ``churn init`` to scores with no edit by hand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import duckdb
import pytest
import yaml

from churn_core.cli import main
from tests.functional.tables.foreign_tables import FOREIGN_TABLES, ROWS

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(params=FOREIGN_TABLES)
def case(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def run(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    code = main([str(word) for word in words])
    printed = capsys.readouterr()
    assert code == 0, printed.err
    return printed.out


def test_a_foreign_table_is_read_right_and_scored(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = FOREIGN_TABLES[case]
    data, config = tmp_path / table.file, tmp_path / "config.yaml"
    table.write(data)
    run(capsys, "init", data, "--target", table.target, "--out", config)
    settings = yaml.safe_load(config.read_text(encoding="utf-8"))
    declared = settings["data"]
    assert str(declared["target"]["positive"]) == table.positive
    assert declared["id"] == table.id_column
    numbers = {name for name, spec in declared["features"].items() if spec["kind"] == "number"}
    assert numbers == table.numbers
    assert {spec["from"] for spec in declared.get("derived", {}).values()} == table.days

    words = ("--config", config, "--model-type", "logistic_regression", "--out", tmp_path / "model", "--json")
    trained = json.loads(run(capsys, "train", data, *words))
    assert trained["cv"]["roc_auc"]["mean"] > 0.75

    scores = tmp_path / "scores.parquet"
    scored = json.loads(run(capsys, "score", data, scores, "--model", tmp_path / "model", "--json"))
    assert (scored["rows"], scored["rejected"], scored["unknown"]) == (ROWS, 0, {})
    with duckdb.connect() as connection:
        counted = connection.execute(f"SELECT count(DISTINCT \"{table.id_column}\") FROM '{scores}'")
        assert counted.fetchall() == [(ROWS,)]
