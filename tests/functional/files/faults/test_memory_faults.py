"""Memory that runs out is a fault of the file with a code, whichever library notices it."""

from __future__ import annotations

import json
import resource
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from onnxruntime.capi.onnxruntime_pybind11_state import RuntimeException

from churn_core.cli import main
from churn_core.errors import InputFileError, NoSpaceError
from churn_core.scoring.files.drift_pass import measure_drift
from churn_core.scoring.files.score_file import BatchSettings, score_file
from churn_core.scoring.memory_faults import is_out_of_memory
from churn_core.scoring.parquet.faults import reading_fault
from churn_core.scoring.predictor import ChurnPredictor
from functions.batch.scoring_child import run_task
from functions.batch.scoring_task import INPUT_FILE, ScoringTask

if TYPE_CHECKING:
    from pathlib import Path

OUT_OF_MEMORY = [
    MemoryError(),
    duckdb.OutOfMemoryException("Out of Memory Error: failed to allocate data of size 95.7 MiB"),
    RuntimeError("std::bad_alloc"),
    RuntimeError("can't start new thread"),
    RuntimeException("[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : bad allocation"),
    RuntimeException(
        "BFCArena::AllocateRawInternal Failed to allocate memory for requested buffer of size 9"
    ),
    pa.ArrowMemoryError("malloc of size 64 failed"),
    OSError(12, "Cannot allocate memory"),
]


@pytest.fixture(scope="module")
def predictor(sample_bundle: Path) -> ChurnPredictor:
    return ChurnPredictor.load(sample_bundle)


def with_long_ids(customers: pd.DataFrame, folder: Path) -> Path:
    """20 customers whose ids have 5 MB each."""
    table = customers.head(20).assign(customerID=[str(number) + "x" * 5_000_000 for number in range(20)])
    pq.write_table(pa.Table.from_pandas(table, preserve_index=False), folder / INPUT_FILE, compression="none")
    return folder / INPUT_FILE


@pytest.mark.parametrize("memory_limit_mb", [100, 150, 200, 250, 300])
def test_ids_that_need_more_memory_than_duckdb_may_use_are_a_resource_limit(
    customers: pd.DataFrame, predictor: ChurnPredictor, tmp_path: Path, memory_limit_mb: int
) -> None:
    source, out = with_long_ids(customers, tmp_path), tmp_path / "out.parquet"
    code = None
    try:
        score_file(source, out, predictor, BatchSettings(memory_limit_mb=memory_limit_mb, threads=2))
    except InputFileError as fault:
        code = fault.code
    assert code == (None if out.exists() else "resource-limit")


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=lambda error: f"{type(error).__name__}: {error}"[:40])
def test_every_library_s_error_is_recognised_while_rows_are_scored(
    customers: pd.DataFrame,
    predictor: ChurnPredictor,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    def fail(*_: Any) -> None:
        # A new object: a raised one would keep the connection of its traceback alive.
        raise type(error)(*error.args)

    monkeypatch.setattr(predictor, "score_matrix", fail)
    customers.to_parquet(tmp_path / "in.parquet")

    assert is_out_of_memory(error)
    for run in (
        lambda: score_file(tmp_path / "in.parquet", tmp_path / "out.parquet", predictor),
        lambda: measure_drift(tmp_path / "in.parquet", predictor),
    ):
        with pytest.raises(InputFileError) as fault:
            run()
        assert fault.value.code == "resource-limit"
    assert [path.name for path in tmp_path.iterdir()] == ["in.parquet"]


def test_other_errors_are_not_taken_for_missing_memory() -> None:
    for error in (ValueError("7"), OSError(13, "Permission denied"), RuntimeException("INVALID_ARGUMENT")):
        assert not is_out_of_memory(error)


def test_a_full_disk_while_reading_is_no_damaged_file() -> None:
    error = duckdb.IOException('IO Error: Could not write file "spill": No space left on device')
    assert isinstance(reading_fault(error), NoSpaceError)


def test_a_model_that_does_not_fit_into_memory_is_no_broken_bundle(
    sample_bundle: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: bytes) -> None:
        raise RuntimeException("std::bad_alloc")

    monkeypatch.setattr("churn_core.scoring.predictor.open_session", fail)
    with pytest.raises(MemoryError):
        ChurnPredictor.load(sample_bundle)

    task = ScoringTask(str(sample_bundle), {}, max_rows=10, memory_mb=1_000, cpu_seconds=9)
    assert run_task(tmp_path, task)["outcome"] == "resource-limit"

    (tmp_path / "customer.json").write_text(json.dumps({}))
    assert main(["predict", str(tmp_path / "customer.json"), "--model", str(sample_bundle)]) == 1
    assert "memory" in capsys.readouterr().err


def test_an_output_above_the_limit_of_file_sizes_is_too_large(
    customers: pd.DataFrame, predictor: ChurnPredictor, tmp_path: Path
) -> None:
    customers.to_parquet(tmp_path / "in.parquet")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_096, before[1]))
    try:
        with pytest.raises(InputFileError) as fault:
            score_file(tmp_path / "in.parquet", tmp_path / "out.parquet", predictor)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert fault.value.code == "too-large"
