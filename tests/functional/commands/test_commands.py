"""The output of commands: text, JSON, and one sentence if there is an error."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from pyarrow import parquet

from churn_core.cli import main
from churn_core.data import generate_sample_data
from churn_core.scoring.files.reason_texts import TEXT_COLUMNS
from churn_core.scoring.files.sql.output_columns import OUTPUT_COLUMNS
from tests.functional.customer_files import CANARY, write_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = main([str(word) for word in words])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def churn(*words: object, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "churn_core.cli", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, **options)


# ---------------------------------------------------------------- JSON for programs


def test_every_result_is_also_given_as_json(
    customers: pd.DataFrame, sample_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, out = write_table(customers, tmp_path / "table.csv"), tmp_path / "out.parquet"
    commands = {
        "file": ["generate", tmp_path / "new.csv", "--rows", 5],
        "findings": ["validate", table],
        "metrics": ["evaluate", table, "--model", sample_bundle],
        "scored": ["score", table, out, "--model", sample_bundle],
    }
    for key, words in commands.items():
        code, printed, error = run(capsys, *words, "--json")
        assert (code, error) == (0, "")
        assert key in json.loads(printed)
        code, printed, _ = run(capsys, *words)
        assert code == 0
        assert "Next: " in printed


def test_the_result_of_training_is_given_as_json(
    sample_table: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str], settings: Any
) -> None:
    config = tmp_path / "config.yaml"
    content = settings.model_dump(mode="json", exclude_unset=True)
    config.write_text(json.dumps(content | {"evaluation": {"folds": 2, "repeats": 1}}))
    table = write_table(sample_table.head(600), tmp_path / "table.parquet")
    code, printed, _ = run(capsys, "train", table, "--config", config, "--out", tmp_path / "bundle", "--json")
    assert code == 0
    printed_json = json.loads(printed)
    assert printed_json["model_version"].startswith("churn-")
    assert printed_json["parity"]["decisions_changed"] == 0


def test_errors_are_also_given_as_json(
    customers: pd.DataFrame, sample_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = write_table(customers.assign(tenure=-1), tmp_path / "bad.csv")
    for words in (
        ["validate", bad],
        ["train", bad, "--out", tmp_path / "b"],
        ["evaluate", tmp_path / "no.csv"],
    ):
        code, _, error = run(capsys, *words, "--json")
        assert code == 1
        assert set(json.loads(error)) == {"error"}
    (tmp_path / "one.json").write_text(json.dumps([{}, {"tenure": CANARY}]))
    code, _, error = run(capsys, "predict", tmp_path / "one.json", "--model", sample_bundle, "--json")
    faults = json.loads(error)["errors"]
    assert code == 1
    assert {"loc": [1, "tenure"], "code": "wrong_type"} in faults
    assert CANARY not in error


# ---------------------------------------------------------------- predict


def customer(table: pd.DataFrame) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(table.drop(columns="Churn").head(1).to_json(orient="records"))[0]
    return record


def test_one_customer_a_list_and_a_table_get_the_same_answers(
    customers: pd.DataFrame,
    sample_bundle: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def answers(name: object) -> Any:
        code, printed, _ = run(capsys, "predict", name, "--model", sample_bundle, "--reasons", "all")
        assert code == 0
        found = json.loads(printed)
        # A value is the caller's own: a number from JSON, text from CSV.
        for answer in found if isinstance(found, list) else [found]:
            for reason in [*answer["reasons"], answer["keeps"]]:
                reason.pop("value")
        return found

    record = customer(customers)
    (tmp_path / "one.json").write_text(json.dumps(record), encoding="utf-8")
    (tmp_path / "list.json").write_text(json.dumps([record]), encoding="utf-8")
    expected = answers(tmp_path / "one.json")
    assert expected["customerID"] == record["customerID"]
    assert answers(tmp_path / "list.json") == [expected]
    for name in ("table.csv", "TABLE.CSV", "table.parquet"):
        customers.head(1).to_csv(tmp_path / name, index=False)
        if name.endswith("parquet"):
            customers.head(1).to_parquet(tmp_path / name)
        assert answers(tmp_path / name) == [expected]
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(record)))
    assert answers("-") == expected


@pytest.mark.parametrize("identifier", ["\ud800", {"a": [1]}, "x" * 257])
def test_an_id_that_can_not_be_printed_is_refused(
    identifier: Any,
    customers: pd.DataFrame,
    sample_bundle: Path,
    fails: Callable[..., str],
    tmp_path: Path,
) -> None:
    path = tmp_path / "one.json"
    path.write_text(json.dumps(customer(customers) | {"customerID": identifier}))
    assert "'customerID'" in fails("predict", path, "--model", sample_bundle)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b'{"tenure": NaN}', "null instead of NaN"),
        (b'{"tenure": 1, "tenure": 2}', "same key"),
        (b"[" * 9 + b"]" * 9, "nested"),
        (b'{"gender": "\xff"}', "UTF-8"),
    ],
)
def test_predict_reads_json_as_strictly_as_the_api(
    text: bytes, reason: str, sample_bundle: Path, fails: Callable[..., str], tmp_path: Path
) -> None:
    path = tmp_path / "one.json"
    path.write_bytes(text)
    message = fails("predict", path, "--model", sample_bundle)
    assert str(path) in message
    assert reason in message


@pytest.mark.parametrize("content", [b"", b"\xff\xfe{}", b"[" * 100_000, b"9" * 5_000, b'{"a": 1} trailing'])
def test_input_that_is_not_json_is_refused(
    content: bytes, sample_bundle: Path, fails: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "one.json").write_bytes(content)
    fails("predict", tmp_path / "one.json", "--model", sample_bundle)


# ---------------------------------------------------------------- score


def test_a_csv_file_gets_the_same_scores_as_the_same_table_in_parquet(
    customers: pd.DataFrame, sample_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    contents = []
    for name in ("in.csv", "in.parquet"):
        out = tmp_path / f"{name}.out.parquet"
        source = write_table(customers, tmp_path / name)
        assert run(capsys, "score", source, out, "--model", sample_bundle, "--contributions")[0] == 0
        contents.append(out.read_bytes())
    assert contents[0] == contents[1]
    columns = set(parquet.read_schema(out).names)
    assert columns == set(OUTPUT_COLUMNS) - {"expected_profit", *TEXT_COLUMNS} | {"customerID"}


def test_text_in_a_number_column_of_a_csv_file_rejects_only_its_row(
    customers: pd.DataFrame, sample_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    charges = [CANARY, "inf", "1e39", "", *customers["MonthlyCharges"].astype(str)[4:]]
    source = write_table(customers.assign(MonthlyCharges=charges), tmp_path / "in.csv")
    words = ["score", source, tmp_path / "out.parquet", "--model", sample_bundle, "--json"]
    code, printed, error = run(capsys, *words)
    assert code == 0
    codes = ["wrong_type", "not_finite", "out_of_range", "missing"]
    assert json.loads(printed)["rejects"] == dict.fromkeys(codes, 1)
    assert CANARY not in printed + error


def test_a_column_without_any_value_rejects_every_row(
    customers: pd.DataFrame, sample_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_table(customers.assign(MonthlyCharges=np.nan), tmp_path / "in.parquet")
    words = ["score", source, tmp_path / "out.parquet", "--model", sample_bundle]
    code, printed, _ = run(capsys, *words)
    assert code == 0
    assert f"{len(customers)} rows rejected as missing" in printed


@pytest.mark.parametrize(
    ("spoil", "fix"),
    [
        ("wrong delimiter", "separated by semicolons"),
        ("duplicate column", "rename one"),
        ("no header", "add a header line"),
        ("not UTF-8", "encoding"),
    ],
)
def test_an_invalid_csv_file_is_not_scored(
    spoil: str,
    fix: str,
    customers: pd.DataFrame,
    sample_bundle: Path,
    fails: Callable[..., str],
    tmp_path: Path,
) -> None:
    source, out = tmp_path / "in.csv", tmp_path / "out.parquet"
    customers = customers.assign(customerID=CANARY)
    customers.to_csv(source, index=False, header=spoil != "no header", sep=";" if "delim" in spoil else ",")
    text = source.read_text()
    if spoil == "duplicate column":
        text = text.replace("Partner", "gender", 1)
    source.write_bytes(text.encode() + (b"\xff" if spoil == "not UTF-8" else b""))
    assert fix in fails("score", source, out, "--model", sample_bundle)
    assert not out.exists()


# ---------------------------------------------------------------- disks


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of half a megabyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    options = ["-t", "tmpfs", "-o", "size=512k", "tmpfs", str(disk)]
    if os.geteuid() or mount is None or subprocess.run([mount, *options], capture_output=True).returncode:
        pytest.skip("mounting a file system needs root; run the tests as root to try a full disk")
    try:
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("command", ["score", "generate"])
def test_a_full_disk_keeps_nothing_of_the_output(
    command: str, tiny_disk: Path, sample_bundle: Path, tmp_path: Path, fails: Callable[..., str]
) -> None:
    if command == "score":
        source = write_table(generate_sample_data(60_000, seed=1), tmp_path / "in.parquet")
        error = fails("score", source, tiny_disk / "out.parquet", "--model", sample_bundle)
    else:
        error = fails("generate", tiny_disk / "out.csv", "--rows", 60_000)
    assert "space" in error
    assert list(tiny_disk.iterdir()) == []


# ---------------------------------------------------------------- usage


@pytest.mark.parametrize(
    "words",
    [
        *(
            ["generate", "x.csv", "--rows", "0"],
            ["generate", "x.csv", "--seed", "-1"],
            ["score", "in.parquet"],
            ["predict", "x.csv", "--model=--"],
        ),
        *(["score", "a", "b", "--threads", "100000"], ["drift", "a", "--threads", "1025"]),
        *(["predict", "--reasons", "few"], ["score", "a", "b", "--threads", "all"], ["validate", "a", "b"]),
    ],
)
def test_invalid_arguments_are_wrong_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code, printed, error = run(capsys, *words)
    assert (code, printed) == (2, "")
    assert len(error.strip().splitlines()) == 1


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "--version")[:2] == (0, "churn 0.1.0\n")


def test_a_closed_pipe_is_not_an_error(customers: pd.DataFrame, sample_bundle: Path, tmp_path: Path) -> None:
    source = write_table(pd.concat([customers] * 40), tmp_path / "in.csv")
    command = f"'{sys.executable}' -m churn_core.cli predict '{source}' --model '{sample_bundle}'"
    script = f"{{ {command}; echo code $? >&2; }} | head -n 1"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False, timeout=120)
    assert done.stderr == "code 0\n"
