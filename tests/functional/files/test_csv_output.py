"""Scored files as CSV: the rows of the Parquet output, without formulas that a spreadsheet would run."""

from __future__ import annotations

import csv
import gzip
import io
import shlex
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pytest
from pyarrow import parquet

from churn_core.cli import main
from churn_core.data import generate_sample_data
from churn_core.errors import OutputError
from churn_core.scoring.files.score_file import score_file
from churn_core.scoring.files.scoring_pass import BatchSettings
from churn_core.scoring.predictor import ChurnPredictor
from tests.functional.customer_files import write_table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd


@pytest.fixture(scope="module")
def predictor(sample_bundle: Path) -> ChurnPredictor:
    return ChurnPredictor.load(sample_bundle)


def _cells(path: Path) -> list[dict[str, str]]:
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.name.endswith(".gz") else content).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def _csv_text(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz", "out.parquet"])
def test_rows_keep_their_order_when_several_threads_write_them(
    predictor: ChurnPredictor, tmp_path: Path, name: str
) -> None:
    source = tmp_path / "in.parquet"
    rows, group = 3_000, 2_048
    # The second batch is shorter, so the thread that has it is done first.
    parquet.write_table(
        pa.Table.from_pandas(generate_sample_data(rows, seed=4)), source, row_group_size=group
    )
    for _ in range(10):
        score_file(source, tmp_path / name, predictor, BatchSettings(threads=2))
        with duckdb.connect(config={"threads": 1}) as reader:
            written = reader.execute(f"SELECT row_number FROM '{tmp_path / name}'").fetchall()
        assert [row for (row,) in written] == list(range(rows))


@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz", "OUT.CSV"])
@pytest.mark.parametrize("top", [None, 7])
def test_csv_holds_the_rows_of_parquet(
    customers: pd.DataFrame, predictor: ChurnPredictor, tmp_path: Path, name: str, top: int | None
) -> None:
    source = write_table(customers, tmp_path / "in.parquet")
    settings = BatchSettings(top=top)
    expected = score_file(source, tmp_path / "out.parquet", predictor, settings)
    assert score_file(source, tmp_path / name, predictor, settings) == expected
    rows = [
        {column: _csv_text(value) for column, value in row.items()}
        for row in parquet.read_table(tmp_path / "out.parquet").to_pylist()
    ]
    assert _cells(tmp_path / name) == rows


def test_each_contribution_is_a_column_of_its_own(
    customers: pd.DataFrame, predictor: ChurnPredictor, tmp_path: Path
) -> None:
    source = write_table(customers, tmp_path / "in.parquet")
    settings = BatchSettings(contributions=True)
    for name in ("out.csv", "out.parquet"):
        score_file(source, tmp_path / name, predictor, settings)
    nested = parquet.read_table(tmp_path / "out.parquet")["contributions"].to_pylist()
    for cells, contributions in zip(_cells(tmp_path / "out.csv"), nested, strict=True):
        flat = {name: float(cells[f"contribution: {name}"]) for name in contributions}
        assert flat == contributions


@pytest.mark.parametrize("mark", ["=", "+", "-", "@", "\t", "\r"])
def test_text_that_a_spreadsheet_would_run_gets_an_apostrophe(
    customers: pd.DataFrame, predictor: ChurnPredictor, tmp_path: Path, mark: str
) -> None:
    customers.loc[0, "customerID"] = f"{mark}HYPERLINK(1)"
    source = write_table(customers, tmp_path / "in.parquet")
    score_file(source, tmp_path / "safe.csv", predictor)
    score_file(source, tmp_path / "plain.csv", predictor, BatchSettings(safe_formulas=False))
    assert _cells(tmp_path / "safe.csv")[0]["customerID"] == f"'{mark}HYPERLINK(1)"
    assert _cells(tmp_path / "plain.csv")[0]["customerID"] == f"{mark}HYPERLINK(1)"
    assert _cells(tmp_path / "safe.csv")[1:] == _cells(tmp_path / "plain.csv")[1:]


def test_ids_that_are_numbers_stay_numbers(
    customers: pd.DataFrame, predictor: ChurnPredictor, tmp_path: Path
) -> None:
    customers["customerID"] = range(-1, len(customers) - 1)
    bundle = replace(predictor.bundle, contract=replace(predictor.contract, id_type="integer"))
    source = write_table(customers, tmp_path / "in.parquet")
    score_file(source, tmp_path / "out.csv", ChurnPredictor(bundle))
    assert [row["customerID"] for row in _cells(tmp_path / "out.csv")][:2] == ["-1", "0"]


@pytest.mark.parametrize("name", ["out", "out.txt", "out.xlsx", "out.parquet.gz", "parquet"])
def test_another_ending_is_refused_before_work_begins(
    customers: pd.DataFrame, predictor: ChurnPredictor, fails: Callable[..., str], tmp_path: Path, name: str
) -> None:
    source = write_table(customers, tmp_path / "in.parquet")
    # Neither the model nor the table is read: there is no model.
    missing = ("--model", tmp_path / "none")
    assert "none of .parquet, .csv and .csv.gz" in fails("score", source, tmp_path / name, *missing)
    with pytest.raises(OutputError, match=r"none of \.parquet, \.csv and \.csv\.gz"):
        score_file(source, tmp_path / name, predictor)
    assert [path.name for path in tmp_path.iterdir()] == ["in.parquet"]


@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz", "out.parquet", "o[1] *'.csv", "o[1] *'.parquet"])
def test_the_next_command_shows_what_was_written(
    customers: pd.DataFrame,
    sample_bundle: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
) -> None:
    source = write_table(customers, tmp_path / "in.parquet")
    assert main(["score", str(source), str(tmp_path / name), "--model", str(sample_bundle)]) == 0
    command = shlex.split(capsys.readouterr().out.rpartition("Next: ")[2])
    shown = subprocess.run([sys.executable, *command[1:]], capture_output=True, text=True, check=True)
    assert "60 rows" in shown.stdout
