"""The process that reads one file: limits itself, scores, and leaves a result in its work folder."""

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
from churn_core.scoring.parquet.input_checks import InputLimits
from churn_core.scoring.predictor import ChurnPredictor
from functions.batch.scoring_task import (
    INPUT_FILE,
    OUTPUT_FILE,
    RESULT_FILE,
    ScoredFile,
    ScoringTask,
    peak_kilobytes,
)
from functions.shared.outcomes import Outcome

_ADDRESS_SPACE: Final = 2
"""Times the function's memory: address space is not memory, and threads and libraries reserve much of it."""
_DUCKDB_SHARE: Final = 0.4
"""Part of the function's memory that DuckDB may hold."""
_PR_SET_PDEATHSIG: Final = 1
_LARGEST_OUTPUT: Final = 5 * 1024**3
"""What one PUT takes, in bytes."""


def main() -> int:
    """Score ``in.parquet`` of the current folder as ``task.json`` says; return 0 if there is a result."""
    folder = Path.cwd()
    _die_with_parent()
    task = ScoringTask.read(folder)
    _limit(task)
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
    except MemoryError:
        return _fault(
            Outcome.RESOURCE_LIMIT, "Reading the file takes too much memory; write it as several parts."
        )
    except Exception as error:  # noqa: BLE001
        # The error's text is left out: libraries may quote cells in it. Where it arose is enough to mend it.
        where = traceback.extract_tb(error.__traceback__)[-1]
        return _fault(
            Outcome.INTERNAL_ERROR,
            f"Scoring failed with {type(error).__name__} at {Path(where.filename).name}:{where.lineno}.",
        )


def _die_with_parent() -> None:
    """Leave nothing running when the function is killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _limit(task: ScoringTask) -> None:
    """Set bounds that nothing in this process can lift again."""
    space = _ADDRESS_SPACE * task.memory_mb * 1024**2
    for what, most in (
        (resource.RLIMIT_AS, space),
        (resource.RLIMIT_CPU, task.cpu_seconds),
        (resource.RLIMIT_FSIZE, _LARGEST_OUTPUT),
        (resource.RLIMIT_CORE, 0),
    ):
        _, allowed = resource.getrlimit(what)
        most = most if allowed == resource.RLIM_INFINITY else min(most, allowed)
        resource.setrlimit(what, (most, most))


def _score(folder: Path, task: ScoringTask) -> dict[str, Any]:
    settings = BatchSettings(
        memory_limit_mb=int(task.memory_mb * _DUCKDB_SHARE),
        limits=InputLimits(rows=task.max_rows),
        metadata=task.metadata,
    )
    predictor = ChurnPredictor(load_bundle(Path(task.model_dir)))
    result = score_file(folder / INPUT_FILE, folder / OUTPUT_FILE, predictor, settings)
    return asdict(ScoredFile.of(result, peak_kilobytes("self") or 0))


def _fault(outcome: Outcome, message: str) -> dict[str, str]:
    return {"outcome": outcome, "message": message}
