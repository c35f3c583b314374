"""Text files are scored as the same table in Parquet is, and malformed lines keep their places."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd
import pytest

from churn_core.cli import main
from churn_core.data import generate_sample_data
from churn_core.errors import DataError, InputFileError
from churn_core.reader_rules import Dialect, ReaderRules
from churn_core.scoring.files.drift_pass import measure_drift
from churn_core.scoring.files.score_file import BatchResult, BatchSettings, score_file
from churn_core.scoring.input_limits import InputLimits
from churn_core.scoring.predictor import ChurnPredictor
from tests.functional.customer_files import CANARY

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(scope="module")
def customers() -> pd.DataFrame:
    return generate_sample_data(300, seed=8).drop(columns="Churn")


@pytest.fixture(scope="module")
def predictor(sample_bundle: Path) -> ChurnPredictor:
    return ChurnPredictor.load(sample_bundle)


def read(path: Path, columns: str = "*") -> list[tuple[Any, ...]]:
    return duckdb.connect().execute(f"SELECT {columns} FROM read_parquet(?)", [str(path)]).fetchall()


def with_dialect(predictor: ChurnPredictor, **dialect: Any) -> ChurnPredictor:
    from dataclasses import replace

    contract = replace(predictor.contract, reader=ReaderRules(dialect=Dialect(**dialect)))
    return ChurnPredictor(replace(predictor.bundle, contract=contract))


def score(
    content: bytes, name: str, predictor: ChurnPredictor, folder: Path, settings: BatchSettings | None = None
) -> BatchResult:
    (folder / name).write_bytes(content)
    return score_file(folder / name, folder / "out.parquet", predictor, settings)


def as_csv(table: pd.DataFrame, **options: Any) -> str:
    text: str = table.to_csv(index=False, **options)
    return text


ODD_CELLS = (
    *("", " ", "1", " 1 ", "01", "1.0", "1e3", "-1", "nan", "inf", "x", "No ", 'say "hi"', '""', "Yes,No"),
    *("No internet servicf", "No internet service and more than 32 bytes", "caf\u00e9", "x" * 300, " " * 300),
)

FORMS: dict[str, tuple[str, dict[str, Any], Callable[[pd.DataFrame], bytes]]] = {
    "csv": ("in.csv", {}, lambda t: as_csv(t).encode()),
    "crlf, all quoted": ("in.csv", {}, lambda t: as_csv(t, quoting=1, lineterminator="\r\n").encode()),
    "gzip": ("in.csv.gz", {}, lambda t: gzip.compress(as_csv(t).encode())),
    "tabs": ("in.tsv", {"delimiter": "\t"}, lambda t: as_csv(t, sep="\t").encode()),
    "utf-16": ("IN.TXT", {"encoding": "utf-16"}, lambda t: as_csv(t).encode("utf-16")),
    "title": ("in.csv", {"header_line": 2}, lambda t: b"Report\r\n" + as_csv(t).encode()),
    "json lines": ("in.jsonl", {}, lambda t: t.to_json(orient="records", lines=True).encode()),
    "json, gzip": (
        "in.jsonl.gz",
        {},
        lambda t: gzip.compress(t.to_json(orient="records", lines=True).encode()),
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_each_form_of_a_table_gives_the_scored_file_that_parquet_gives(
    form: str, customers: pd.DataFrame, predictor: ChurnPredictor, tmp_path: Path
) -> None:
    customers.to_parquet(tmp_path / "in.parquet")
    score_file(tmp_path / "in.parquet", tmp_path / "expected.parquet", predictor)
    name, dialect, write = FORMS[form]
    result = score(write(customers), name, with_dialect(predictor, **dialect), tmp_path)
    assert result.rows == result.scored == 300
    assert read(tmp_path / "out.parquet") == read(tmp_path / "expected.parquet")


def test_a_malformed_line_keeps_its_place_and_its_text_appears_nowhere(
    customers: pd.DataFrame, predictor: ChurnPredictor, tmp_path: Path
) -> None:
    lines = as_csv(customers).splitlines(keepends=True)
    lines[3:3] = [f"{CANARY},1\n", f'"{CANARY}\n', lines[0]]
    result = score("".join(lines).encode(), "in.csv", predictor, tmp_path)
    assert (result.rows, result.scored, result.rejects) == (303, 300, {"malformed_line": 3})
    out = tmp_path / "out.parquet"
    rows = read(out, "row_number, customerID, reject_code, churn_probability, warnings")
    assert rows[2:5] == [(number, None, "malformed_line", None, None) for number in (2, 3, 4)]
    assert [row[0] for row in rows] == list(range(303))
    assert rows[5][1] == customers["customerID"][2]
    assert CANARY.encode() not in out.read_bytes()


def test_a_malformed_line_is_not_counted_as_a_fault_of_a_column(
    customers: pd.DataFrame, predictor: ChurnPredictor, tmp_path: Path
) -> None:
    content = as_csv(customers) + "x,y\n" * 50
    (tmp_path / "in.csv").write_text(content)
    with pytest.raises(DataError, match=r"malformed rows \(count 50; the first is row 301"):
        measure_drift(tmp_path / "in.csv", predictor)
    result = score(content.encode(), "in.csv", predictor, tmp_path)
    assert result.drift is not None
    assert result.drift["verdict"] == "stable"


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("in.csv", b"", "dialect"),
        ("in.csv", b"x,y\n1,2\n", "dialect"),
        ("in.csv", b"customerID;gender;tenure\n1;2;3\n", "dialect"),
        ("in.csv", b"customerID,gender\n1,2\n", "schema"),
        ("in.csv", b"customerID,CustomerID\n1,2\n", "duplicate-column"),
        ("in.csv", b"customerID\xff\n", "not-text"),
        ("in.csv", b"customerID,gender\n1,\0\n", "not-text"),
        ("in.csv", gzip.compress(b"customerID\n1\n"), "not-text"),
        ("in.csv.gz", b"customerID\n1\n", "bad-compression"),
        ("in.jsonl", b"[1]\n", "dialect"),
        ("in.jsonl", b'{"customerID": "1"}\n', "schema"),
    ],
)
def test_a_text_file_that_can_not_be_scored_is_refused_with_its_code(
    name: str, content: bytes, code: str, predictor: ChurnPredictor, tmp_path: Path
) -> None:
    with pytest.raises(InputFileError) as caught:
        score(content, name, predictor, tmp_path)
    assert caught.value.code == code
    assert sorted(path.name for path in tmp_path.iterdir()) == [name]


@pytest.mark.parametrize("kept", [10, 30, 3_000, -9, -1])
def test_a_gzip_file_that_is_cut_off_leaves_no_output(
    kept: int, customers: pd.DataFrame, predictor: ChurnPredictor, tmp_path: Path
) -> None:
    with pytest.raises(InputFileError) as caught:
        score(gzip.compress(as_csv(customers).encode())[:kept], "in.csv.gz", predictor, tmp_path)
    assert caught.value.code == "bad-compression"
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv.gz"]


@pytest.mark.parametrize("name", ["in.csv", "in.jsonl"])
def test_the_rows_of_a_text_file_are_limited(
    name: str, customers: pd.DataFrame, predictor: ChurnPredictor, tmp_path: Path
) -> None:
    content = FORMS["csv" if name == "in.csv" else "json lines"][2](customers)
    fits = BatchSettings(limits=InputLimits(rows=300))
    assert score(content, name, predictor, tmp_path, fits).rows == 300
    with pytest.raises(InputFileError) as caught:
        score(content, name, predictor, tmp_path, BatchSettings(limits=InputLimits(rows=299)))
    assert caught.value.code == "too-many-rows"


def test_batches_of_any_size_give_the_same_bytes(
    customers: pd.DataFrame, predictor: ChurnPredictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = as_csv(customers).encode()
    score(content, "in.csv", predictor, tmp_path)
    expected = (tmp_path / "out.parquet").read_bytes()
    monkeypatch.setattr("churn_core.scoring.text_files.text_stream.CHUNK_BYTES", 1_000)
    monkeypatch.setattr("churn_core.scoring.text_files.csv_table._BUFFER_BYTES", 1_000)
    score(content, "in.csv", predictor, tmp_path)
    assert (tmp_path / "out.parquet").read_bytes() == expected


@pytest.mark.parametrize("most_values", [1, 30, 16_384])
def test_values_that_are_looked_up_give_the_bytes_of_values_that_are_encoded_in_each_row(
    most_values: int,
    customers: pd.DataFrame,
    predictor: ChurnPredictor,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    odd = customers.astype(str)
    for row, text in enumerate(ODD_CELLS):
        odd.iloc[row * 7 : row * 7 + 2, 1:] = text
    content = as_csv(pd.concat([odd, odd[::-1]])).encode()
    # A table of no values is given up at once.
    monkeypatch.setattr("churn_core.scoring.text_files.distinct_values.MOST_VALUES", 0)
    expected = score(content, "in.csv", predictor, tmp_path)
    expected_bytes = (tmp_path / "out.parquet").read_bytes()
    assert {"wrong_type", "too_long", "missing"} <= expected.rejects.keys()
    monkeypatch.setattr("churn_core.scoring.text_files.distinct_values.MOST_VALUES", most_values)
    monkeypatch.setattr("churn_core.scoring.text_files.text_stream.CHUNK_BYTES", 3_000)
    monkeypatch.setattr("churn_core.scoring.text_files.csv_table._BUFFER_BYTES", 3_000)
    assert score(content, "in.csv", predictor, tmp_path) == expected
    assert (tmp_path / "out.parquet").read_bytes() == expected_bytes


@pytest.mark.parametrize(("delimiter", "option"), [("\t", "delimiter=tab"), (";", "delimiter=;")])
def test_another_delimiter_is_named_with_the_option_that_reads_it(
    delimiter: str, option: str, customers: pd.DataFrame, sample_bundle: Path, tmp_path: Path, capsys: Any
) -> None:
    source, out = tmp_path / "in.csv", tmp_path / "out.parquet"
    customers.to_csv(source, sep=delimiter, index=False)
    words = ["score", str(source), str(out), "--model", str(sample_bundle)]
    assert main(words) == 1
    assert f"--reader '{option}'" in capsys.readouterr().err
    assert main([*words, "--reader", option]) == 0


@pytest.mark.parametrize("name", ["Tenure", " tenure "])
def test_a_key_of_json_lines_that_nearly_is_a_column_is_named(
    name: str, predictor: ChurnPredictor, customers: pd.DataFrame, tmp_path: Path
) -> None:
    source = tmp_path / "in.jsonl"
    customers.rename(columns={"tenure": name}).to_json(source, orient="records", lines=True)
    with pytest.raises(
        InputFileError, match=f"'tenure' is missing from the file; '{name}' differs"
    ) as caught:
        score_file(source, tmp_path / "out.parquet", predictor)
    assert "--match" not in str(caught.value)
