"""Standard output in any encoding, closed, full or a pipe that ends never fails a finished job."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.functional.customer_files import write_table

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

NAME = "Müller→✓"
ENCODINGS = ["ascii", "latin-1", "cp1252", "utf-16", "ascii:strict"]


def _run(encoding: str, *words: object, shell: str = "") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "churn_core.cli", *map(str, words)]
    if shell:
        command = ["bash", "-c", f'"$@" {shell}', "bash", *command]
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    return subprocess.run(command, capture_output=True, check=False, timeout=120, env=environment)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_scoring_is_done_whatever_stdout_can_show(
    customers: pd.DataFrame, sample_bundle: Path, tmp_path: Path, encoding: str
) -> None:
    source = write_table(customers, tmp_path / "in.parquet")
    out = tmp_path / f"{NAME}.parquet"
    done = _run(encoding, "score", source, out, "--model", sample_bundle)
    assert (done.returncode, done.stderr) == (0, b"")
    assert out.exists()
    assert b"M" in done.stdout


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_json_stays_json_that_holds_the_same_text(
    customers: pd.DataFrame, sample_bundle: Path, tmp_path: Path, encoding: str
) -> None:
    customers.loc[0, "customerID"] = NAME
    source = write_table(customers, tmp_path / "in.parquet")
    done = _run(encoding, "predict", source, "--model", sample_bundle)
    assert (done.returncode, done.stderr) == (0, b"")
    answers = json.loads(done.stdout.decode(encoding.partition(":")[0]))
    assert answers[0]["customerID"] == NAME
    scored = _run(encoding, "score", source, tmp_path / f"{NAME}.csv", "--model", sample_bundle, "--json")
    content = json.loads(scored.stdout.decode(encoding.partition(":")[0]))
    assert content["output"].endswith(f"{NAME}.csv")


def test_errors_stay_json_too(tmp_path: Path) -> None:
    failed = _run("ascii", "validate", tmp_path / f"{NAME}.csv", "--json")
    assert failed.returncode == 1
    assert f"{NAME}.csv" in json.loads(failed.stderr)["error"]


@pytest.mark.parametrize("shell", [">&-", "2>&-", ">&- 2>&-", "| true", "2>&1 | true", "</dev/null >&-"])
def test_a_closed_output_changes_neither_the_files_nor_the_exit_code(
    customers: pd.DataFrame, sample_bundle: Path, tmp_path: Path, shell: str
) -> None:
    source, out = write_table(customers, tmp_path / "in.parquet"), tmp_path / "out.parquet"
    last = '; exit "${PIPESTATUS[0]}"'
    done = _run("utf-8", "score", source, out, "--model", sample_bundle, shell=shell + last)
    assert (done.returncode, done.stderr) == (0, b"")
    assert out.exists()
    failed = _run("utf-8", "drift", source, "--model", tmp_path / "none", shell=shell + last)
    assert failed.returncode == 1
    shown = _run("utf-8", "--help", shell=shell + last)
    assert shown.returncode == 0
    # argparse prints the help on stderr where there is no stdout.
    assert b"Exception" not in shown.stderr
    assert b"Traceback" not in shown.stderr


def test_a_note_that_nobody_reads_does_not_end_the_command(
    customers: pd.DataFrame, sample_bundle: Path, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    write_table(customers, tmp_path / "in" / "a.parquet")
    (tmp_path / "in" / "notes.md").touch()
    words = ["score", tmp_path / "in", tmp_path / "out", "--model", sample_bundle]
    done = _run("utf-8", *words, shell='2> >(exec true) ; code=$?; sleep 0; exit "$code"')
    assert done.returncode == 0
    assert (tmp_path / "out" / "a.parquet").exists()


def test_a_result_that_is_lost_is_an_error(
    customers: pd.DataFrame, sample_bundle: Path, tmp_path: Path
) -> None:
    source = write_table(customers, tmp_path / "in.parquet")
    failed = _run("utf-8", "predict", source, "--model", sample_bundle, shell=">/dev/full")
    assert failed.returncode == 1
    assert failed.stderr.decode().startswith("churn: The result can't be written to stdout (No space")
    assert len(failed.stderr.splitlines()) == 1
