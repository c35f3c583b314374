"""Outputs that cannot be written, runs that are stopped, changed bundles, wrong usage."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from importlib.metadata import entry_points
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
    from collections.abc import Callable, Iterator


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


@contextmanager
def _scoring(
    source: Path, bundle: Path, folder: Path, stop: signal.Signals
) -> Iterator[tuple[ChildProcess, Path]]:
    """Yield a run that is writing its output; the output and all temporary files are in `folder`."""
    command = _churn("score", source, folder / "out.parquet", "--model", bundle)
    environment = {**os.environ, "TMPDIR": str(folder), "ORT_DISABLE_TELEMETRY": "1"}
    with ChildProcess(command, stop_signal=stop, environment=environment) as process:
        process.wait_until(lambda: any(path.stat().st_size > 100_000 for path in _partial_files(folder)))
        yield process, folder


def _partial_files(folder: Path) -> list[Path]:
    return [path for path in folder.glob(".churn-*.partial") if path.is_file()]


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_half_way_leaves_nothing(
    stop: signal.Signals, many: Path, sample_bundle: Path, tmp_path: Path
) -> None:
    with _scoring(many, sample_bundle, tmp_path, stop) as (process, folder):
        assert process.stop() == 130, process.output
        assert process.output.startswith("churn: ")
        assert "Traceback" not in process.output
        assert list(folder.iterdir()) == []


def test_what_a_killed_run_leaves_is_removed_by_the_next_but_not_what_a_living_run_writes(
    many: Path, customers: pd.DataFrame, sample_bundle: Path, tmp_path: Path
) -> None:
    source = write_table(customers, tmp_path / "in.csv")
    out = tmp_path / "out"
    out.mkdir()
    with _scoring(many, sample_bundle, out, signal.SIGKILL) as (killed, _):
        assert killed.stop() == -signal.SIGKILL
    assert len(list(out.iterdir())) == 2
    (out / ".churn-notes.partial").write_text("not made by churn")
    environment = {**os.environ, "TMPDIR": str(out), "ORT_DISABLE_TELEMETRY": "1"}
    with _scoring(many, sample_bundle, out, signal.SIGINT) as (living, _):
        words = _churn("score", source, out / "other.parquet", "--model", sample_bundle)
        subprocess.run(words, check=True, env=environment, timeout=60, capture_output=True)
        assert living.wait() == 0, living.output
    names = [".churn-notes.partial", "other.parquet", "out.parquet"]
    assert sorted(path.name for path in out.iterdir()) == names


STOPS_ITSELF = "import os, signal, time; os.kill(os.getpid(), signal.{}); time.sleep(20)"


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("module", ["argparse", "duckdb"])
def test_a_command_that_is_stopped_while_it_imports_shows_no_traceback(
    module: str, number: str, sample_bundle: Path, tmp_path: Path
) -> None:
    """The module of this name stops the process while it is imported."""
    (tmp_path / f"{module}.py").write_text(STOPS_ITSELF.format(number))
    (tmp_path / "in.parquet").touch()
    words = ["score", tmp_path / "in.parquet", tmp_path / "out.parquet", "--model", sample_bundle]
    done = subprocess.run(
        [sys.executable, "-m", "churn_core", *map(str, words)],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 130, done.stderr
    assert done.stderr == "churn: Interrupted; nothing was written.\n"


def test_an_interrupted_import_is_an_interruption_whatever_error_it_ends_with(
    sample_bundle: Path, tmp_path: Path
) -> None:
    (tmp_path / "duckdb.py").write_text(
        "import os, signal\n"
        "try:\n    os.kill(os.getpid(), signal.SIGINT)\n"
        "except KeyboardInterrupt:\n    raise ImportError('initialization failed')"
    )
    (tmp_path / "in.parquet").touch()
    done = subprocess.run(
        _churn("score", tmp_path / "in.parquet", tmp_path / "out.parquet", "--model", sample_bundle),
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (130, "churn: Interrupted; nothing was written.\n")


def test_the_installed_command_starts_where_it_can_be_stopped() -> None:
    (churn,) = entry_points(group="console_scripts", name="churn")
    assert churn.value == "churn_core.__main__:run"


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


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_training_that_is_stopped_writes_nothing(
    stop: signal.Signals, sample_table: pd.DataFrame, tmp_path: Path
) -> None:
    source = write_table(sample_table, tmp_path / "in.parquet")
    command = _churn("train", source, "--out", tmp_path / "bundle", "--model-type", "gradient_boosting")
    # The folds are fitted by processes of their own: once there is one, training has begun.
    with ChildProcess(command, stop_signal=stop) as process:
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
