"""What the function and the process that scores for it tell each other, as JSON files."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Self

if TYPE_CHECKING:
    from churn_core.scoring.files.score_file import BatchResult

TASK_FILE: Final = "task.json"
RESULT_FILE: Final = "result.json"
INPUT_FILE: Final = "in.parquet"
OUTPUT_FILE: Final = "out.parquet"
"""Names in the work folder; none is a stranger's text."""


@dataclass(frozen=True, slots=True)
class ScoringTask:
    """One file to score.

    Parameters
    ----------
    model_dir : str
        The model bundle.
    metadata : dict
        What the output's footer says of where the input came from.
    max_rows : int
        Most rows that the file may have.
    memory_mb : int
        The function's memory.
    cpu_seconds : int
        Processor time after which the process is killed.
    """

    model_dir: str
    metadata: dict[str, str]
    max_rows: int
    memory_mb: int
    cpu_seconds: int

    def write(self, folder: Path) -> None:
        """Leave the task in a work folder."""
        (folder / TASK_FILE).write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the task of a work folder."""
        return cls(**json.loads((folder / TASK_FILE).read_text(encoding="utf-8")))


@dataclass(frozen=True, slots=True)
class ScoredFile:
    """What became of a file's rows; see `churn_core.scoring.files.score_file.BatchResult`.

    Attributes
    ----------
    rows, scored, rejected, will_churn : int
    rejects, unknown : dict
        Rows by reject code, and by the column of an unknown category.
    drift : dict or None
        `churn_core.scoring.drift.report.DriftReport.summary`.
    peak_kilobytes : int
        Most memory that the scoring process had resident.
    """

    rows: int
    scored: int
    rejected: int
    will_churn: int
    rejects: dict[str, int]
    unknown: dict[str, int]
    drift: dict[str, Any] | None
    peak_kilobytes: int = 0

    @classmethod
    def of(cls, result: BatchResult, peak_kilobytes: int) -> Self:
        """Take what is told of a `BatchResult`."""
        told = {
            field.name: getattr(result, field.name) for field in fields(cls) if hasattr(result, field.name)
        }
        return cls(**told, peak_kilobytes=peak_kilobytes)


def peak_kilobytes(process: int | Literal["self"]) -> int | None:
    """Return a process's high-water mark of resident memory (proc(5)); None where it can't be seen.

    Not ``ru_maxrss`` of getrusage: that of the process before an exec counts in it.
    """
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    return None
