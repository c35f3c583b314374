"""The JSON files that the function and its scoring process exchange."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Self

if TYPE_CHECKING:
    from churn_core.scoring.files.score_file import BatchResult

TASK_FILE: Final = "task.json"
RESULT_FILE: Final = "result.json"
INPUT_FILE: Final = "in.parquet"
OUTPUT_FILE: Final = "out.parquet"
"""Names in the work folder; no part of them comes from an untrusted key."""

TOO_MUCH_MEMORY: Final = "Reading the file takes too much memory; write it as several parts."


@dataclass(frozen=True, slots=True)
class ScoringTask:
    """One file to score.

    Parameters
    ----------
    model_dir : str
        The model bundle.
    metadata : dict
        Entries of the output's footer that say where the input came from.
    max_rows : int
        Largest number of rows that the file may have.
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
        """Write the task into a work folder."""
        (folder / TASK_FILE).write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the task of a work folder."""
        return cls(**json.loads((folder / TASK_FILE).read_text(encoding="utf-8")))


@dataclass(frozen=True, slots=True)
class ScoredFile:
    """Counts of a scored file; see `churn_core.scoring.files.score_file.BatchResult`.

    Attributes
    ----------
    rows, scored, rejected, will_churn : int
    rejects, unknown : dict
        Rows by reject code, and by the column of an unknown category.
    drift : dict or None
        `churn_core.scoring.drift.report.DriftReport.summary`.
    peak_kilobytes : int
        Peak resident memory of the scoring process.
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
    def from_result(cls, result: BatchResult, peak_kilobytes: int) -> Self:
        """Take the counts of a `BatchResult`."""
        return cls(
            rows=result.rows,
            scored=result.scored,
            rejected=result.rejected,
            will_churn=result.will_churn,
            rejects=result.rejects,
            unknown=result.unknown,
            drift=result.drift,
            peak_kilobytes=peak_kilobytes,
        )


def peak_kilobytes(process: int | Literal["self"]) -> int | None:
    """Return a process's peak resident memory (VmHWM of proc(5)); None if the system does not show it.

    ``ru_maxrss`` of getrusage would include the memory of the process before its exec.
    """
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    return None
