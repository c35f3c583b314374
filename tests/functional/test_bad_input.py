"""Bad input ends well: an exit code, one sentence with the mend, no traceback, nothing half-written."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from churn_core.cli import main
from churn_core.data import generate_sample_data
from churn_core.errors import InputFileError
from churn_core.scoring.batch import score_file
from churn_core.scoring.predictor import ChurnPredictor

if TYPE_CHECKING:
    from collections.abc import Callable

CANARY = "SSN-111-22-3333"


@pytest.fixture
def customers() -> pd.DataFrame:
    return generate_sample_data(60, seed=4)


@pytest.fixture
def fails(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command that must end with 1 and one sentence on stderr; return the sentence."""

    def run(*words: object) -> str:
        exit_code = main([str(word) for word in words])
        error = capsys.readouterr().err.strip()
        assert exit_code == 1, error
        assert error.startswith("churn: ")
        assert len(error.splitlines()) == 1
        assert "Traceback" not in error
        assert CANARY not in error
        return error

    return run


# ---------------------------------------------------------------- tables


def _write(table: pd.DataFrame, path: Path) -> Path:
    if path.suffix == ".csv":
        table.to_csv(path, index=False)
    else:
        table.to_parquet(path)
    return path


def missing_column(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    return table.drop(columns="tenure"), "tenure"


def text_in_a_number_column(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    return table.assign(MonthlyCharges=[CANARY, *table["MonthlyCharges"].astype(str)[1:]]), "MonthlyCharges"


def all_missing_column(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    return table.assign(TotalCharges=np.nan), "TotalCharges"


def infinite_number(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    return table.assign(MonthlyCharges=[np.inf, *table["MonthlyCharges"][1:]]), "MonthlyCharges"


def number_beyond_float32(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    return table.assign(MonthlyCharges=[1e39, *table["MonthlyCharges"][1:]]), "MonthlyCharges"


def zero_rows(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    return table.head(0), "no rows"


def one_row(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    return table.head(1), "Churn"


def unknown_label(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    return table.assign(Churn=[CANARY, *table["Churn"][1:]]), "Churn"


FAULTY_TABLES = (
    *(missing_column, text_in_a_number_column, all_missing_column, infinite_number),
    *(number_beyond_float32, zero_rows, one_row, unknown_label),
)


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
@pytest.mark.parametrize("fault", FAULTY_TABLES)
def test_training_refuses_a_faulty_table_and_names_the_column(
    fault: Callable[[pd.DataFrame], tuple[pd.DataFrame, str]],
    ending: str,
    customers: pd.DataFrame,
    fails: Callable[..., str],
    tmp_path: Path,
) -> None:
    table, named = fault(customers)
    path = _write(table, tmp_path / f"table{ending}")
    assert named in fails("train", path, "--out", tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


def wrong_delimiter(path: Path, table: pd.DataFrame) -> None:
    table.to_csv(path, index=False, sep=";")


def duplicate_column(path: Path, table: pd.DataFrame) -> None:
    table.rename(columns={"Partner": "gender"}).to_csv(path, index=False)


def empty_file(path: Path, table: pd.DataFrame) -> None:
    path.touch()


@pytest.mark.parametrize(
    ("fault", "said"), [(wrong_delimiter, "comma"), (duplicate_column, "gender"), (empty_file, "empty")]
)
def test_training_refuses_a_csv_file_that_is_none(
    fault: Callable[[Path, pd.DataFrame], None],
    said: str,
    customers: pd.DataFrame,
    fails: Callable[..., str],
    tmp_path: Path,
) -> None:
    path = tmp_path / "table.csv"
    fault(path, customers)
    assert said in fails("train", path, "--out", tmp_path / "bundle")


@pytest.mark.parametrize("command", ["train", "validate", "evaluate"])
def test_a_missing_file_is_named(
    command: str, fails: Callable[..., str], sample_bundle: Path, tmp_path: Path
) -> None:
    model = ["--model", sample_bundle] if command == "evaluate" else []
    assert "nowhere.csv" in fails(command, tmp_path / "nowhere.csv", *model)


def test_extra_columns_are_ignored(
    customers: pd.DataFrame, sample_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = _write(customers, tmp_path / "plain.parquet")
    extra = _write(customers.assign(mood=CANARY, **{"; DROP TABLE x": 1}), tmp_path / "extra.parquet")
    for source in (plain, extra):
        assert (
            main(["score", str(source), str(source.with_suffix(".out")), "--model", str(sample_bundle)]) == 0
        )
    assert plain.with_suffix(".out").read_bytes() == extra.with_suffix(".out").read_bytes()


# ---------------------------------------------------------------- files to score


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
def test_an_unfit_file_is_refused_as_a_whole_with_its_code(
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


def test_a_flipped_bit_is_never_worse_than_a_refused_file(
    customers: pd.DataFrame, sample_bundle: Path, tmp_path: Path
) -> None:
    """DuckDB's errors half-way reach us through the Arrow bridge, which has no types for them."""
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
    source = _write(table, tmp_path / "in.parquet")
    out = tmp_path / "out.parquet"
    assert main(["score", str(source), str(out), "--model", str(sample_bundle), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["rows"], result["scored"], result["rejected"]) == (60, 53, 7)
    rows = duckdb.sql(
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
def test_a_file_of_no_row_or_one_is_scored(
    count: int, customers: pd.DataFrame, sample_bundle: Path, tmp_path: Path
) -> None:
    source = _write(customers.head(count), tmp_path / "in.parquet")
    out = tmp_path / "out.parquet"
    assert main(["score", str(source), str(out), "--model", str(sample_bundle)]) == 0
    assert duckdb.sql(f"SELECT count(*) FROM '{out}'").fetchall() == [(count,)]


# ---------------------------------------------------------------- outputs, interruptions, bundles


def test_an_output_that_cannot_be_written_is_refused_before_scoring(
    customers: pd.DataFrame, sample_bundle: Path, fails: Callable[..., str], tmp_path: Path
) -> None:
    source = _write(customers, tmp_path / "in.parquet")
    for out in (tmp_path / "in.parquet" / "out.parquet", tmp_path / "no folder" / "out.parquet", tmp_path):
        assert "output" in fails("score", source, out, "--model", sample_bundle)
    assert "input" in fails("score", source, source, "--model", sample_bundle)


def _limited(command: list[str], limit: int) -> subprocess.CompletedProcess[str]:
    """Run a command that may write files of `limit` bytes at most, as on a disk that fills up."""

    def limit_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    return subprocess.run(
        command, capture_output=True, text=True, check=False, preexec_fn=limit_files, timeout=120
    )


def _churn(*words: object) -> list[str]:
    return [sys.executable, "-m", "churn_core.cli", *map(str, words)]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that takes a second or two to score."""
    path = tmp_path_factory.mktemp("many") / "in.parquet"
    generate_sample_data(2_000_000, seed=5).to_parquet(path, row_group_size=100_000)
    return path


def test_a_full_disk_leaves_no_output(many: Path, sample_bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    done = _limited(_churn("score", many, out, "--model", sample_bundle), limit=4_000_000)
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith("churn: ")
    assert len(done.stderr.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def _wait_for_output_to_grow(folder: Path, process: subprocess.Popen[Any]) -> None:
    while process.poll() is None:
        if any(path.stat().st_size > 100_000 for path in folder.glob(".churn-*")):
            return
        time.sleep(0.005)
    raise AssertionError("the command ended before it could be stopped")


@pytest.mark.parametrize(("stop", "exit_code", "leftovers"), [("SIGINT", 130, 0), ("SIGKILL", -9, 1)])
def test_a_run_that_is_stopped_half_way_leaves_no_output(
    stop: str, exit_code: int, leftovers: int, many: Path, sample_bundle: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.parquet"
    process = subprocess.Popen(
        _churn("score", many, out, "--model", sample_bundle), stderr=subprocess.PIPE, text=True
    )
    _wait_for_output_to_grow(tmp_path, process)
    process.send_signal(getattr(signal, stop))
    _, error = process.communicate(timeout=60)
    assert process.returncode == exit_code, error
    assert "Traceback" not in error
    assert not out.exists()
    assert len(list(tmp_path.iterdir())) == leftovers


@pytest.mark.parametrize(
    "name", ["model.onnx", "portable.onnx", "manifest.json", "metrics.json", "report.html"]
)
def test_a_bundle_with_a_changed_byte_is_refused(
    name: str, customers: pd.DataFrame, sample_bundle: Path, fails: Callable[..., str], tmp_path: Path
) -> None:
    source = _write(customers, tmp_path / "in.parquet")
    bundle = tmp_path / "bundle"
    shutil.copytree(sample_bundle, bundle)
    content = bytearray((bundle / name).read_bytes())
    # In the manifest a digit of the first metric; elsewhere whatever lies in the middle.
    place = content.index(b'"mean": 0.') + 10 if name == "manifest.json" else len(content) // 2
    content[place] = ord("1") if content[place] != ord("1") else ord("2")
    (bundle / name).write_bytes(content)
    assert name in fails("score", source, tmp_path / "out.parquet", "--model", bundle)
    assert not (tmp_path / "out.parquet").exists()


def test_json_that_holds_no_customer_is_refused(
    fails: Callable[..., str], sample_bundle: Path, tmp_path: Path
) -> None:
    for content in ("{", "[1]", '"text"', f'{{"tenure": "{CANARY}"}}', f'{{"{CANARY}": 1}}'):
        path = tmp_path / "one.json"
        path.write_text(content)
        fails("predict", path, "--model", sample_bundle)


@pytest.mark.parametrize("words", [[], ["fly"], ["train"], ["generate", "x.csv", "--rows", "many"]])
def test_wrong_usage_ends_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert "--help" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["generate", "validate", "train", "evaluate", "predict", "score"])
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    assert command in capsys.readouterr().out


def test_training_that_is_interrupted_writes_nothing(sample_table: pd.DataFrame, tmp_path: Path) -> None:
    source = _write(sample_table, tmp_path / "in.parquet")
    process = subprocess.Popen(
        _churn("train", source, "--out", tmp_path / "bundle", "--model-type", "gradient_boosting"),
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    time.sleep(3)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130, error
    assert "Traceback" not in error
    assert [path.name for path in tmp_path.iterdir()] == ["in.parquet"]


def test_a_defect_of_our_own_shows_no_traceback_and_no_value(
    fails: Callable[..., str], sample_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(*_: object, **__: object) -> None:
        raise RuntimeError(CANARY)

    monkeypatch.setattr(ChurnPredictor, "predict", stumble)
    monkeypatch.setattr(ChurnPredictor, "_check_golden_rows", lambda self: None)
    (tmp_path / "one.json").write_text("{}")
    assert "CHURN_DEBUG=1" in fails("predict", tmp_path / "one.json", "--model", sample_bundle)
    monkeypatch.setenv("CHURN_DEBUG", "1")
    with pytest.raises(RuntimeError, match=CANARY):
        main(["predict", str(tmp_path / "one.json"), "--model", str(sample_bundle)])
