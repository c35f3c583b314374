"""The process that scores one file: it limits itself, scores, and writes a result file."""

from __future__ import annotations

import ctypes
import json
import resource
import signal
import sys
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from churn_core.errors import BundleError, InputFileError, NoSpaceError
from churn_core.scoring.bundle import load_bundle
from churn_core.scoring.files.score_file import BatchSettings, score_file
from churn_core.scoring.memory_faults import is_out_of_memory
from churn_core.scoring.parquet.input_checks import InputLimits
from churn_core.scoring.predictor import ChurnPredictor
from functions.batch.scoring_task import (
    INPUT_FILE,
    OUTPUT_FILE,
    RESULT_FILE,
    TOO_MUCH_MEMORY,
    ScoredFile,
    ScoringTask,
    peak_kilobytes,
)
from functions.shared.outcomes import Outcome

_ADDRESS_SPACE: Final = 2
"""Limit of the address space, in multiples of the function's memory: threads reserve more than they use."""
_DUCKDB_SHARE: Final = 0.4
"""Share of the function's memory that DuckDB may use."""
_PR_SET_PDEATHSIG: Final = 1
_LARGEST_OUTPUT: Final = 5 * 1024**3
"""Bytes; S3 accepts no larger object in one PUT."""


def main() -> int:
    """Score ``in.parquet`` of the current folder as ``task.json`` says; return the exit code."""
    folder = Path.cwd()
    _die_with_parent()
    task = ScoringTask.read(folder)
    _limit_resources(task)
    (folder / RESULT_FILE).write_text(json.dumps(run_task(folder, task)), encoding="utf-8")
    return 0


def run_task(folder: Path, task: ScoringTask) -> dict[str, Any]:
    """Score ``in.parquet`` of a folder; return a `ScoredFile` as a dict, or ``outcome`` and ``message``."""
    try:
        return _score(folder, task)
    except InputFileError as error:
        return _fault(Outcome(error.code), str(error))
    except NoSpaceError as error:
        return _fault(Outcome.NO_SPACE, str(error))
    except BundleError as error:
        return _fault(Outcome.MODEL_UNAVAILABLE, str(error))
    except Exception as error:  # noqa: BLE001
        if is_out_of_memory(error):
            return _fault(Outcome.RESOURCE_LIMIT, TOO_MUCH_MEMORY)
        # The error's own text is left out: libraries may quote customers' values in it.
        where = traceback.extract_tb(error.__traceback__)[-1]
        return _fault(
            Outcome.INTERNAL_ERROR,
            f"Scoring failed with {type(error).__name__} at {Path(where.filename).name}:{where.lineno}.",
        )


def _die_with_parent() -> None:
    """Have Linux kill this process when the function is killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _limit_resources(task: ScoringTask) -> None:
    """Set hard limits, which this process can't raise again."""
    space = _ADDRESS_SPACE * task.memory_mb * 1024**2
    for kind, limit in (
        (resource.RLIMIT_AS, space),
        (resource.RLIMIT_CPU, task.cpu_seconds),
        (resource.RLIMIT_FSIZE, _LARGEST_OUTPUT),
        (resource.RLIMIT_CORE, 0),
    ):
        _, allowed = resource.getrlimit(kind)
        lowest = limit if allowed == resource.RLIM_INFINITY else min(limit, allowed)
        resource.setrlimit(kind, (lowest, lowest))


def _score(folder: Path, task: ScoringTask) -> dict[str, Any]:
    settings = BatchSettings(
        memory_limit_mb=int(task.memory_mb * _DUCKDB_SHARE),
        limits=InputLimits(rows=task.max_rows),
        metadata=task.metadata,
    )
    predictor = ChurnPredictor(load_bundle(Path(task.model_dir)))
    result = score_file(folder / INPUT_FILE, folder / OUTPUT_FILE, predictor, settings)
    return asdict(ScoredFile.from_result(result, peak_kilobytes("self") or 0))


def _fault(outcome: Outcome, message: str) -> dict[str, str]:
    return {"outcome": outcome, "message": message}
