"""Standard streams that are closed, or that can't be written."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.functional.customer_files import write_table

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd


def churn(redirection: str, *words: object) -> subprocess.CompletedProcess[str]:
    """Run a command with the redirections of a shell."""
    command = [sys.executable, "-m", "churn_core.cli", *map(str, words)]
    return subprocess.run(
        ["sh", "-c", f'exec "$@" {redirection}', "sh", *command],
        input="",
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("words", [("predict", "{table}"), ("score", "{table}", "{out}"), ("--help",)])
def test_a_result_that_stdout_does_not_take_is_reported(
    customers: pd.DataFrame, sample_bundle: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    table, out = write_table(customers, tmp_path / "in.csv"), tmp_path / "out.parquet"
    model = [] if words == ("--help",) else ["--model", sample_bundle]
    ended = churn(">/dev/full", *(word.format(table=table, out=out) for word in words), *model)
    assert ended.returncode == 1
    assert ended.stderr == (
        "churn: The result can't be written to stdout (No space left on device); send it to another file.\n"
    )
    assert out.exists() == ("score" in words)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_table_is_scored_with_closed_streams(
    customers: pd.DataFrame, sample_bundle: Path, tmp_path: Path, closed: str
) -> None:
    table, out = write_table(customers, tmp_path / "in.csv"), tmp_path / "out.parquet"
    ended = churn(closed, "score", table, out, "--model", sample_bundle)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert out.read_bytes().startswith(b"PAR1")


def test_a_closed_stdin_is_an_empty_one(sample_bundle: Path) -> None:
    ended = churn("<&-", "predict", "--json", "--model", sample_bundle)
    assert ended.returncode == 1
    assert ended.stderr == churn("</dev/null", "predict", "--json", "--model", sample_bundle).stderr
    assert "bug in churn" not in json.loads(ended.stderr)["error"]


@pytest.mark.parametrize("redirection", ["2>/dev/full", "2>&-"])
def test_an_error_that_stderr_does_not_take_is_still_an_exit_code(redirection: str, tmp_path: Path) -> None:
    ended = churn(redirection, "validate", tmp_path / "none.csv")
    assert (ended.returncode, ended.stdout) == (1, "")
