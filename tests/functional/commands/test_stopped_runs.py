"""Outputs that cannot be written, runs that are stopped, changed bundles, wrong usage."""

from __future__ import annotations

import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from churn_core.cli import main
from churn_core.data import generate_sample_data
from churn_core.scoring.predictor import ChurnPredictor
from infra.local.child_process import ChildProcess
from tests.functional.customer_files import CANARY, write_table

if TYPE_CHECKING:
    from collections.abc import Callable


def test_an_output_that_cannot_be_written_is_refused_before_scoring(
    customers: pd.DataFrame, sample_bundle: Path, fails: Callable[..., str], tmp_path: Path
) -> None:
    source = write_table(customers, tmp_path / "in.parquet")
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
    """A file of two million rows, which takes a second or two to score."""
    path = tmp_path_factory.mktemp("many") / "in.parquet"
    customers = pa.Table.from_pandas(generate_sample_data(100_000, seed=5))
    with parquet.ParquetWriter(path, customers.schema) as writer:
        for _ in range(20):
            writer.write_table(customers)
    return path


def test_a_full_disk_leaves_no_output(many: Path, sample_bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    done = _limited(_churn("score", many, out, "--model", sample_bundle), limit=4_000_000)
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith("churn: ")
    assert len(done.stderr.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("stop", "exit_code", "leftovers"), [(signal.SIGINT, 130, 0), (signal.SIGKILL, -9, 1)]
)
def test_a_run_that_is_stopped_half_way_leaves_no_output(
    stop: signal.Signals, exit_code: int, leftovers: int, many: Path, sample_bundle: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.parquet"
    with ChildProcess(_churn("score", many, out, "--model", sample_bundle), stop_signal=stop) as process:
        process.wait_until(lambda: any(path.stat().st_size > 100_000 for path in tmp_path.glob(".churn-*")))
        assert process.stop() == exit_code, process.output
        assert "Traceback" not in process.output
    assert not out.exists()
    assert len(list(tmp_path.iterdir())) == leftovers


@pytest.mark.parametrize(
    "name", ["model.onnx", "portable.onnx", "manifest.json", "metrics.json", "report.html"]
)
def test_a_bundle_with_a_changed_byte_is_refused(
    name: str, customers: pd.DataFrame, sample_bundle: Path, fails: Callable[..., str], tmp_path: Path
) -> None:
    source = write_table(customers, tmp_path / "in.parquet")
    bundle = tmp_path / "bundle"
    shutil.copytree(sample_bundle, bundle)
    content = bytearray((bundle / name).read_bytes())
    # In the manifest, a digit of the first metric; in other files, the byte in the middle.
    place = content.index(b'"mean": 0.') + 10 if name == "manifest.json" else len(content) // 2
    content[place] = ord("1") if content[place] != ord("1") else ord("2")
    (bundle / name).write_bytes(content)
    assert name in fails("score", source, tmp_path / "out.parquet", "--model", bundle)
    assert not (tmp_path / "out.parquet").exists()


def test_json_without_customers_is_refused(
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
    source = write_table(sample_table, tmp_path / "in.parquet")
    command = _churn("train", source, "--out", tmp_path / "bundle", "--model-type", "gradient_boosting")
    # The folds are fitted by processes of their own: once there is one, training has begun.
    with ChildProcess(command, stop_signal=signal.SIGINT) as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        process.wait_until(lambda: children.exists() and children.read_text() != "")
        time.sleep(0.5)
        assert process.stop() == 130, process.output
        assert "Traceback" not in process.output
    assert [path.name for path in tmp_path.iterdir()] == ["in.parquet"]


def test_a_bug_shows_neither_a_traceback_nor_a_value(
    fails: Callable[..., str], sample_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError(CANARY)

    monkeypatch.setattr(ChurnPredictor, "predict", fail)
    monkeypatch.setattr(ChurnPredictor, "_check_golden_rows", lambda self: None)
    (tmp_path / "one.json").write_text("{}")
    assert "CHURN_DEBUG=1" in fails("predict", tmp_path / "one.json", "--model", sample_bundle)
    monkeypatch.setenv("CHURN_DEBUG", "1")
    with pytest.raises(RuntimeError, match=CANARY):
        main(["predict", str(tmp_path / "one.json"), "--model", str(sample_bundle)])
