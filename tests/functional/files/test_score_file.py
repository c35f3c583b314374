"""Files are scored row by row, in order, whatever their name."""

from __future__ import annotations

import hashlib
import os
import struct
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churn_core.data import generate_sample_data
from churn_core.errors import InputFileError, OutputError
from churn_core.scoring.files.score_file import BatchSettings, score_file
from churn_core.scoring.input_limits import InputLimits
from churn_core.scoring.predictor import ROWS_PER_RUN, ChurnPredictor
from tests.functional.customer_files import write_table

if TYPE_CHECKING:
    pass


@pytest.fixture(scope="module")
def predictor(sample_bundle: Path) -> ChurnPredictor:
    return ChurnPredictor.load(sample_bundle)


def read(path: Path, columns: str = "*") -> list[tuple[Any, ...]]:
    return duckdb.execute(f"SELECT {columns} FROM read_parquet(?)", [str(path)]).fetchall()


def test_the_output_has_the_promised_columns(
    customers: pd.DataFrame, predictor: ChurnPredictor, tmp_path: Path
) -> None:
    out = tmp_path / "out.parquet"
    score_file(write_table(customers, tmp_path / "in.parquet"), out, predictor)
    schema = pq.read_schema(out)
    assert {field.name: str(field.type) for field in schema} == {
        "row_number": "int64",
        "customerID": "string",
        "status": "string",
        "reject_code": "string",
        "churn_probability": "double",
        "will_churn": "bool",
        "risk": "string",
        "reason_1": "string",
        "reason_2": "string",
        "reason_3": "string",
        "warnings": "string",
        "model_version": "string",
        "reject_column": "string",
    }
    assert pq.ParquetFile(out).metadata.row_group(0).column(0).compression == "ZSTD"


@pytest.mark.parametrize("rows", [1, 2, ROWS_PER_RUN, ROWS_PER_RUN + 1, 8 * ROWS_PER_RUN + 1])
@pytest.mark.parametrize("threads", [1, 3])
def test_rows_come_out_once_and_in_order(
    rows: int, threads: int, predictor: ChurnPredictor, tmp_path: Path
) -> None:
    table = generate_sample_data(rows, seed=8)
    source, out = tmp_path / "in.parquet", tmp_path / "out.parquet"
    table.to_parquet(source, row_group_size=997)
    result = score_file(source, out, predictor, BatchSettings(threads=threads))
    assert result.rows == result.scored + result.rejected == rows
    scored = read(out, "row_number, customerID")
    assert scored == list(enumerate(table["customerID"]))


def test_the_same_input_gives_the_same_bytes_on_any_number_of_threads(
    predictor: ChurnPredictor, tmp_path: Path
) -> None:
    source = write_table(generate_sample_data(150_000, seed=9), tmp_path / "in.parquet")
    digests = set()
    for run, threads in enumerate((1, 2, 4, 2)):
        out = tmp_path / f"{run}.parquet"
        score_file(source, out, predictor, BatchSettings(threads=threads))
        digests.add(hashlib.sha256(out.read_bytes()).hexdigest())
    assert len(digests) == 1


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (pa.int64(), [2**62, -1]),
        (pa.uint8(), [0, 255]),
        (pa.date32(), [date(2020, 2, 29), date(1969, 1, 1)]),
        (pa.string(), ["größe 😀", "a'b\"c"]),
    ],
)
def test_ids_of_a_model_with_text_ids_are_text(
    kind: pa.DataType, values: list[Any], predictor: ChurnPredictor, tmp_path: Path
) -> None:
    table = pa.Table.from_pandas(generate_sample_data(2, seed=1))
    position = table.schema.get_field_index("customerID")
    source, out = tmp_path / "in.parquet", tmp_path / "out.parquet"
    pq.write_table(table.set_column(position, "customerID", pa.array(values, type=kind)), source)
    score_file(source, out, predictor)
    assert pq.read_table(out)["customerID"].to_pylist() == [str(value) for value in values]
    assert pq.read_schema(out).field("customerID").type == pa.string()


def test_an_id_column_of_an_unsupported_type_is_refused(predictor: ChurnPredictor, tmp_path: Path) -> None:
    table = pa.Table.from_pandas(generate_sample_data(1, seed=1))
    position = table.schema.get_field_index("customerID")
    source = tmp_path / "in.parquet"
    pq.write_table(table.set_column(position, "customerID", pa.array([[1, 2]])), source)
    with pytest.raises(InputFileError, match="'customerID'") as caught:
        score_file(source, tmp_path / "out.parquet", predictor)
    assert caught.value.code == "schema"


def test_exact_decimals_are_numbers(predictor: ChurnPredictor, tmp_path: Path) -> None:
    frame = generate_sample_data(50, seed=3)
    plain, exact = tmp_path / "plain.parquet", tmp_path / "exact.parquet"
    frame.to_parquet(plain)
    charges = [Decimal(str(round(value, 2))) for value in frame["MonthlyCharges"]]
    table = pa.Table.from_pandas(frame)
    position = table.schema.get_field_index("MonthlyCharges")
    pq.write_table(
        table.set_column(position, "MonthlyCharges", pa.array(charges, type=pa.decimal128(10, 2))), exact
    )
    for source in (plain, exact):
        score_file(source, source.with_suffix(".out.parquet"), predictor)
    assert read(plain.with_suffix(".out.parquet")) == read(exact.with_suffix(".out.parquet"))


NAMES = [
    "x[1].parquet",
    "x*.parquet",
    "x?.parquet",
    "a=7/in.parquet",
    'it\'s "quoted".parquet',
    "größe 😀.parquet",
    "back\\slash.parquet",
    "a\\b/in.parquet",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_name_is_not_used_as_a_pattern(
    name: str, customers: pd.DataFrame, predictor: ChurnPredictor, tmp_path: Path
) -> None:
    for decoy in ("x1.parquet", "xy.parquet"):
        write_table(customers.head(3), tmp_path / decoy)
    source = tmp_path / name
    source.parent.mkdir(exist_ok=True)
    write_table(customers, source)
    out = tmp_path / f"{Path(name).stem} scores.parquet"
    assert score_file(source, out, predictor).rows == len(customers)
    assert [row[0] for row in read(out, "customerID")] == customers["customerID"].tolist()


def test_wrong_statistics_do_not_change_rejects(predictor: ChurnPredictor, tmp_path: Path) -> None:
    """Values above the maximum are rejected even if the footer claims a smaller maximum."""
    table = generate_sample_data(100, seed=2)
    table["MonthlyCharges"] = np.linspace(20.0, 5_000.0, 100)
    source, out = tmp_path / "in.parquet", tmp_path / "out.parquet"
    table.to_parquet(source)
    true_maximum, claimed = struct.pack("<d", 5_000.0), struct.pack("<d", 90.0)
    content = source.read_bytes()
    footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    assert true_maximum in content[footer:]
    source.write_bytes(content[:footer] + content[footer:].replace(true_maximum, claimed))
    assert pq.ParquetFile(source).metadata.row_group(0).column(18).statistics.max == 90.0
    result = score_file(source, out, predictor)
    assert result.rejects == {"out_of_range": int((table["MonthlyCharges"] > 1_000).sum())}


def test_contributions_in_the_output_add_up_to_the_score(
    customers: pd.DataFrame, predictor: ChurnPredictor, tmp_path: Path
) -> None:
    out = tmp_path / "out.parquet"
    settings = BatchSettings(contributions=True)
    score_file(write_table(customers, tmp_path / "in.parquet"), out, predictor, settings)
    rows = pq.read_table(out).to_pylist()
    intercept = predictor.bundle.manifest["reasons"]["intercept"]
    for row in rows:
        assert list(row["contributions"]) == list(predictor.contract.names)
        raw = intercept + sum(row["contributions"].values())
        assert row["churn_probability"] == pytest.approx(1 / (1 + np.exp(-raw)), abs=3e-6)


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (InputLimits(rows=59), "too-many-rows"),
        (InputLimits(columns=20), "too-many-columns"),
        (InputLimits(row_groups=5), "too-many-row-groups"),
        (InputLimits(uncompressed_bytes=1_000), "too-large"),
    ],
)
def test_a_file_over_a_limit_is_refused_by_its_footer(
    limits: InputLimits, code: str, customers: pd.DataFrame, predictor: ChurnPredictor, tmp_path: Path
) -> None:
    source = tmp_path / "in.parquet"
    customers.to_parquet(source, row_group_size=10)
    with pytest.raises(InputFileError) as caught:
        score_file(source, tmp_path / "out.parquet", predictor, BatchSettings(limits=limits))
    assert caught.value.code == code
    fits = InputLimits(rows=60, columns=21, row_groups=6)
    assert score_file(source, tmp_path / "out.parquet", predictor, BatchSettings(limits=fits)).rows == 60


def test_an_older_output_survives_a_run_that_fails(
    customers: pd.DataFrame, predictor: ChurnPredictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, out = write_table(customers, tmp_path / "in.parquet"), tmp_path / "out.parquet"
    out.write_text("older")
    monkeypatch.setattr(Path, "replace", _no_space)
    with pytest.raises(OutputError, match="No space left"):
        score_file(source, out, predictor)
    assert out.read_text() == "older"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.parquet", "out.parquet"]


def _no_space(self: Path, target: Path) -> None:
    raise OSError(28, "No space left on device")


CORPUS = {
    "ARROW-GH-41317.parquet": "corrupt",
    "ARROW-GH-41321.parquet": "corrupt",
    "ARROW-GH-43605.parquet": "schema",
    "ARROW-GH-45185.parquet": "schema",
    "ARROW-GH-47662.parquet": "schema",
    "ARROW-RS-GH-6229-DICTHEADER.parquet": "corrupt",
    "ARROW-RS-GH-6229-LEVELS.parquet": "corrupt",
    "PARQUET-1481.parquet": "corrupt",
}


@pytest.mark.parametrize("name", CORPUS)
def test_files_that_crashed_other_readers_are_refused_and_the_next_is_scored(
    name: str, customers: pd.DataFrame, predictor: ChurnPredictor, tmp_path: Path
) -> None:
    folder = Path(os.environ.get("CHURN_BAD_PARQUET", ""))
    if not (folder / name).is_file():
        pytest.skip("set CHURN_BAD_PARQUET to the bad_data folder of apache/parquet-testing to run this test")
    with pytest.raises(InputFileError) as caught:
        score_file(folder / name, tmp_path / "out.parquet", predictor)
    assert caught.value.code == CORPUS[name]
    source = write_table(customers, tmp_path / "in.parquet")
    assert score_file(source, tmp_path / "out.parquet", predictor).scored == len(customers)


def test_progress_gets_scored_and_expected_rows(predictor: ChurnPredictor, tmp_path: Path) -> None:
    source = write_table(generate_sample_data(100_000, seed=1), tmp_path / "in.parquet")
    calls: list[tuple[int, int]] = []
    score_file(source, tmp_path / "out.parquet", predictor, progress=lambda *rows: calls.append(rows))
    assert calls[-1] == (100_000, 100_000)
    assert len(calls) > 1
