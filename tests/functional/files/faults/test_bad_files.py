"""Files that are refused as a whole, and rows that are rejected."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pandas as pd
import pytest

from churn_core.cli import main
from churn_core.data import generate_sample_data
from churn_core.errors import InputFileError
from churn_core.scoring.files.score_file import score_file
from churn_core.scoring.predictor import ChurnPredictor
from tests.functional.customer_files import CANARY, empty_file, write_table

if TYPE_CHECKING:
    from collections.abc import Callable


def renamed_csv(path: Path, table: pd.DataFrame) -> None:
    table.to_csv(path, index=False)


def truncated(path: Path, table: pd.DataFrame) -> None:
    table.to_parquet(path)
    path.write_bytes(path.read_bytes()[:-200])


def without_a_column(path: Path, table: pd.DataFrame) -> None:
    table.drop(columns="Contract").to_parquet(path)


def numbers_as_text(path: Path, table: pd.DataFrame) -> None:
    table.astype({"MonthlyCharges": str}).to_parquet(path)


def names_that_differ_in_case_only(path: Path, table: pd.DataFrame) -> None:
    table.assign(TENURE=1).to_parquet(path)


UNFIT_FILES = [
    (renamed_csv, "not-parquet"),
    (empty_file, "not-parquet"),
    (truncated, "corrupt"),
    (without_a_column, "schema"),
    (numbers_as_text, "schema"),
    (names_that_differ_in_case_only, "duplicate-column"),
]


@pytest.mark.parametrize(("fault", "code"), UNFIT_FILES)
def test_a_file_that_can_not_be_scored_is_refused_with_its_code(
    fault: Callable[[Path, pd.DataFrame], None],
    code: str,
    customers: pd.DataFrame,
    sample_bundle: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    source = tmp_path / "in.parquet"
    fault(source, customers)
    words = ["score", str(source), str(tmp_path / "out.parquet"), "--model", str(sample_bundle), "--json"]
    assert main(words) == 1
    error = json.loads(capsys.readouterr().err)
    assert error["code"] == code
    assert [path.name for path in tmp_path.iterdir()] == ["in.parquet"]


def test_a_flipped_bit_leads_to_an_output_or_a_refused_file(
    customers: pd.DataFrame, sample_bundle: Path, tmp_path: Path
) -> None:
    """DuckDB's errors during reading come through the Arrow bridge, which has no types for them."""
    source, out = tmp_path / "in.parquet", tmp_path / "out.parquet"
    generate_sample_data(3_000, seed=6).to_parquet(source, row_group_size=1_000)
    sound = source.read_bytes()
    predictor = ChurnPredictor.load(sample_bundle)
    generator = np.random.default_rng(0)
    codes: set[str] = set()
    for place in generator.integers(4, len(sound) - 8, 60):
        damaged = bytearray(sound)
        damaged[place] ^= 1 << int(generator.integers(8))
        source.write_bytes(damaged)
        try:
            result = score_file(source, out, predictor)
        except InputFileError as error:
            codes.add(error.code)
            assert not out.exists()
        else:
            assert result.rows == 3_000
            out.unlink()
    assert "corrupt" in codes
    source.write_bytes(sound)
    assert score_file(source, out, predictor).scored == 3_000


def test_rows_that_break_the_contract_are_rejected_in_place(
    customers: pd.DataFrame, sample_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = customers.astype({"MonthlyCharges": float, "tenure": float})
    table.loc[1, "MonthlyCharges"] = np.inf
    table.loc[2, "MonthlyCharges"] = 1e39
    table.loc[3, "tenure"] = 1.5
    table.loc[4, "MonthlyCharges"] = np.nan
    table.loc[5, "Contract"] = "x" * 257
    table.loc[6, "Contract"] = "a\0b"
    table.loc[7, "Contract"] = CANARY
    table.loc[8, "customerID"] = None
    source = write_table(table, tmp_path / "in.parquet")
    out = tmp_path / "out.parquet"
    assert main(["score", str(source), str(out), "--model", str(sample_bundle), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["rows"], result["scored"], result["rejected"]) == (60, 53, 7)
    rows = duckdb.execute(
        "SELECT row_number, customerID, status, reject_code, churn_probability, will_churn, risk, reason_1,"
        f" warnings FROM '{out}'"
    ).fetchall()
    assert [row[0] for row in rows] == list(range(60))
    assert [row[1] for row in rows] == [None if pd.isna(i) else i for i in table["customerID"]]
    assert {row[0]: row[3] for row in rows if row[2] == "rejected"} == {
        1: "not_finite",
        2: "out_of_range",
        3: "not_integer",
        4: "missing",
        5: "too_long",
        6: "invalid_unicode",
        8: "missing",
    }
    assert all(row[4:8] == (None,) * 4 for row in rows if row[2] == "rejected")
    assert rows[7][2] == "scored"
    assert rows[7][8] == "Contract"


@pytest.mark.parametrize("count", [0, 1])
def test_a_file_with_no_row_or_one_row_is_scored(
    count: int, customers: pd.DataFrame, sample_bundle: Path, tmp_path: Path
) -> None:
    source = write_table(customers.head(count), tmp_path / "in.parquet")
    out = tmp_path / "out.parquet"
    assert main(["score", str(source), str(out), "--model", str(sample_bundle)]) == 0
    assert duckdb.execute(f"SELECT count(*) FROM '{out}'").fetchall() == [(count,)]
