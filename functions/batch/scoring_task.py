"""The JSON files that the function and its scoring process exchange."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Self

from churn_core.errors import REJECT_CODES, WARNING_KINDS
from functions.shared.objects import is_whole

if TYPE_CHECKING:
    from churn_core.scoring.files.score_file import BatchResult

TASK_FILE: Final = "task.json"
RESULT_FILE: Final = "result.json"
INPUT_FILE: Final = "input"
OUTPUT_FILE: Final = "out.parquet"
"""Names in the work folder; no part of them comes from an untrusted key."""

INPUT_KEY: Final = "churn.input.key"
"""Entry of the output's footer: the input's key, whose ending says how the file is read."""

_TOO_MANY: Final = 2**63

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
    rejects : dict
        Rows by reject code.
    warnings : dict
        Unexpected values of scored rows, by kind; see `BatchResult`.
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
    warnings: dict[str, int]
    drift: dict[str, Any] | None
    peak_kilobytes: int = 0

    @classmethod
    def checked(cls, content: Any) -> Self:
        """Create the counts from a result file; an untrusted input may have taken control of its writer.

        Raises
        ------
        AttributeError, KeyError, OverflowError, TypeError, ValueError
            If a member is missing, or has a type or value that the log and the metrics can't take.
        """
        file = cls(**content)
        totals = (file.rows, file.scored, file.rejected, file.will_churn, file.peak_kilobytes)
        by_name = (*file.rejects.values(), *file.warnings.values())
        if not all(is_whole(number) and 0 <= number < _TOO_MANY for number in (*totals, *by_name)):
            raise ValueError("counts must be whole numbers from 0")
        if not (file.rows == file.scored + file.rejected and set(file.rejects) <= set(REJECT_CODES)):
            raise ValueError("the rows do not add up, or a reject code is unknown")
        if file.drift is not None:
            shifts = (*file.drift["columns"].values(), file.drift["scores"])
            psis = [shift["psi"] for shift in shifts if shift["psi"] is not None]
            texts = (file.drift["verdict"], *file.drift["moved"])
            if not (all(math.isfinite(psi) for psi in psis) and all(isinstance(text, str) for text in texts)):
                raise ValueError("the drift must be finite numbers and texts")
        return file

    @classmethod
    def from_result(cls, result: BatchResult, peak_kilobytes: int) -> Self:
        """Take the counts of a `BatchResult`."""
        counts = {name: value for name, value in asdict(result).items() if name in cls.__annotations__}
        warnings = {kind: sum(getattr(result, kind).values()) for kind in WARNING_KINDS}
        return cls(**counts, warnings=warnings, peak_kilobytes=peak_kilobytes)


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
