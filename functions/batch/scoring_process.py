"""Score a file that nobody vouches for in a process of its own: bounded, watched, without credentials.

DuckDB promises nothing for hostile files: one may crash it, or make it take all memory (its page on
security says so). What such a file can reach is this process, which has neither rights nor secrets, and
whose end is one outcome among others.
"""

from __future__ import annotations

import ctypes
import json
import math
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import functions
from functions.batch.scoring_task import OUTPUT_FILE, RESULT_FILE, ScoredFile, ScoringTask, peak_kilobytes
from functions.shared.outcomes import NotScoredError, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

MEMORY_SHARE: Final = 0.85
"""Part of the function's memory that the process may have resident."""

_TASK_ROOT: Final = Path(functions.__file__).resolve().parents[1]
_BOOTSTRAP: Final = (
    "import sys; sys.path.insert(0, sys.argv[1]);"
    " from functions.batch.scoring_child import main; sys.exit(main())"
)
# Of the loader's path, which names folders alone: Lambda's own Python may need it to start.
_PASSED_ON: Final = ("PATH", "LD_LIBRARY_PATH")
_NO_RESULT: Final = "The process that reads the file left no result; write the file again."
_POLL_SECONDS: Final = 0.02
_LARGEST_RESULT: Final = 1024 * 1024
_PR_SET_DUMPABLE: Final = 4


def hide_environment() -> None:
    """Keep this process's environment, in which the credentials are, from its children's eyes.

    Linux gives ``/proc/<pid>/environ`` of a process that may not be dumped to root alone (proc(5)).
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


class ScoringProcess:
    """Scores files, each in a process of its own.

    Parameters
    ----------
    model_dir : Path
        The model bundle.
    max_rows : int
        Most rows that a file may have.
    memory_mb : int
        The function's memory.
    """

    def __init__(self, model_dir: Path, max_rows: int, memory_mb: int) -> None:
        self._model_dir = model_dir
        self._max_rows = max_rows
        self._memory_mb = memory_mb
        self.peak_kilobytes = 0
        """Most memory that the last process had resident, as last seen."""

    def score(self, folder: Path, metadata: Mapping[str, str], seconds: float) -> ScoredFile:
        """Score the folder's ``in.parquet`` into its ``out.parquet``.

        Parameters
        ----------
        folder : Path
            The work folder.
        metadata : mapping
            What the output's footer says of where the input came from.
        seconds : float
            After which the process is killed.

        Raises
        ------
        NotScoredError
            With the code of an unfit file, or ``resource-limit``, ``timeout``, ``reader-crash``,
            ``no-space``, ``model-unavailable`` or ``internal-error``.
        """
        ScoringTask(
            model_dir=str(self._model_dir.resolve()),
            metadata=dict(metadata),
            max_rows=self._max_rows,
            memory_mb=self._memory_mb,
            cpu_seconds=math.ceil(seconds * (os.cpu_count() or 1)) + 1,
        ).write(folder)
        self._run(folder, seconds)
        result = _result(folder)
        if (folder / OUTPUT_FILE).is_symlink():
            # Followed, it would be a file of this process's that is uploaded.
            raise NotScoredError(Outcome.READER_CRASH, _NO_RESULT)
        return result

    def _run(self, folder: Path, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        limit = self._memory_mb * 1024 * MEMORY_SHARE
        self.peak_kilobytes = 0
        process = subprocess.Popen(
            [sys.executable, "-I", "-c", _BOOTSTRAP, str(_TASK_ROOT)],
            cwd=folder,
            env=_environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            # What libraries write there may quote cells.
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            while process.poll() is None:
                self.peak_kilobytes = peak_kilobytes(process.pid) or self.peak_kilobytes
                if self.peak_kilobytes > limit:
                    raise NotScoredError(
                        Outcome.RESOURCE_LIMIT,
                        "Reading the file takes too much memory; write it as several parts.",
                    )
                if time.monotonic() > deadline:
                    raise NotScoredError(
                        Outcome.TIMEOUT,
                        "The file can't be scored in the function's time; write it as several parts.",
                    )
                time.sleep(_POLL_SECONDS)
        finally:
            # With whatever it has started: they are a session of their own.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if process.returncode != 0:
            raise NotScoredError(
                Outcome.READER_CRASH,
                f"The process that reads the file ended with {process.returncode}; write the file again.",
            )


def _environment(folder: Path) -> dict[str, str]:
    passed_on = {
        name: value for name, value in os.environ.items() if name in _PASSED_ON or name.startswith("CHURN_")
    }
    return passed_on | {"HOME": "/tmp", "TMPDIR": str(folder)}  # noqa: S108


def _result(folder: Path) -> ScoredFile:
    try:
        with (folder / RESULT_FILE).open("rb") as file:
            told = json.loads(file.read(_LARGEST_RESULT))
    except (OSError, ValueError) as error:
        raise NotScoredError(Outcome.READER_CRASH, _NO_RESULT) from error
    return read_result(told)


def read_result(told: Any) -> ScoredFile:
    """Read what the process tells; it has read a stranger's file, so that its word is checked too.

    Raises
    ------
    NotScoredError
        The fault that it tells, or ``reader-crash``.
    """
    try:
        if "outcome" in told:
            outcome, message = Outcome(told["outcome"]), str(told["message"])
        else:
            return ScoredFile(**told)
    except (ValueError, KeyError, TypeError) as error:
        raise NotScoredError(Outcome.READER_CRASH, _NO_RESULT) from error
    raise NotScoredError(outcome, message)
