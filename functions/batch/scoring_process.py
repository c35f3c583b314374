"""Score an untrusted file in a separate process, with limits and without credentials.

DuckDB's page on security says that a hostile file may crash it or use all memory. So a separate process
reads the file: it has no rights and no secrets, and if it dies, the outcome is an ordinary fault.
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
from functions.batch.scoring_task import (
    OUTPUT_FILE,
    RESULT_FILE,
    TOO_MUCH_MEMORY,
    ScoredFile,
    ScoringTask,
    peak_kilobytes,
)
from functions.shared.outcomes import NotScoredError, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

MEMORY_SHARE: Final = 0.85
"""Share of the function's memory that the process may use before it is killed."""

_TASK_ROOT: Final = Path(functions.__file__).resolve().parents[1]
_BOOTSTRAP: Final = (
    "import sys; sys.path.insert(0, sys.argv[1]);"
    " from functions.batch.scoring_child import main; sys.exit(main())"
)
# Lambda's own Python may need LD_LIBRARY_PATH to start; it holds names of folders only.
_PASSED_ON: Final = ("PATH", "LD_LIBRARY_PATH")
_NO_RESULT: Final = "The process that read the file left no valid result; write the file again."
_POLL_SECONDS: Final = 0.02
_LARGEST_RESULT: Final = 1024 * 1024
_PR_SET_DUMPABLE: Final = 4


def hide_environment() -> None:
    """Make this process's environment, with its credentials, unreadable for its children.

    Only root may read ``/proc/<pid>/environ`` of a process that is not dumpable (proc(5)).
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


class ScoringProcess:
    """Scores each file in a new process.

    Parameters
    ----------
    model_dir : Path
        The model bundle.
    max_rows : int
        Largest number of rows that a file may have.
    memory_mb : int
        The function's memory.
    """

    def __init__(self, model_dir: Path, max_rows: int, memory_mb: int) -> None:
        self._model_dir = model_dir
        self._max_rows = max_rows
        self._memory_mb = memory_mb
        self.peak_kilobytes = 0
        """Peak resident memory of the last process, as last observed."""

    def score(self, folder: Path, metadata: Mapping[str, str], seconds: float) -> ScoredFile:
        """Score the folder's ``in.parquet`` into its ``out.parquet``.

        Parameters
        ----------
        folder : Path
            The work folder.
        metadata : mapping
            Entries of the output's footer that say where the input came from.
        seconds : float
            The process is killed after this time.

        Raises
        ------
        NotScoredError
            The outcome of an unfit file, or ``resource-limit``, ``timeout``, ``reader-crash``,
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
            # The upload would follow the link and send a file of this process.
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
            # Libraries may quote customers' values there.
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            while process.poll() is None:
                self.peak_kilobytes = peak_kilobytes(process.pid) or self.peak_kilobytes
                if self.peak_kilobytes > limit:
                    raise NotScoredError(Outcome.RESOURCE_LIMIT, TOO_MUCH_MEMORY)
                if time.monotonic() > deadline:
                    raise NotScoredError(
                        Outcome.TIMEOUT,
                        "Scoring the file exceeds the function's time limit; write it as several parts.",
                    )
                time.sleep(_POLL_SECONDS)
        finally:
            # Also kills processes that it started: they are in the same session.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if process.returncode != 0:
            raise NotScoredError(
                Outcome.READER_CRASH,
                f"The process that read the file ended with {process.returncode}; write the file again.",
            )


def _environment(folder: Path) -> dict[str, str]:
    passed_on = {
        name: value for name, value in os.environ.items() if name in _PASSED_ON or name.startswith("CHURN_")
    }
    own = {"HOME": "/tmp", "TMPDIR": str(folder), "ORT_DISABLE_TELEMETRY": "1"}  # noqa: S108
    return passed_on | own


def _result(folder: Path) -> ScoredFile:
    try:
        with (folder / RESULT_FILE).open("rb") as file:
            content = json.loads(file.read(_LARGEST_RESULT))
    except (OSError, ValueError, RecursionError) as error:
        raise NotScoredError(Outcome.READER_CRASH, _NO_RESULT) from error
    return parse_result(content)


def parse_result(content: Any) -> ScoredFile:
    """Validate the result file's content; an untrusted input may have taken control of its writer.

    Raises
    ------
    NotScoredError
        The fault in the result, or ``reader-crash`` if the content is malformed.
    """
    try:
        if "outcome" not in content:
            return ScoredFile.checked(content)
        outcome, message = Outcome(content["outcome"]), str(content["message"])
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise NotScoredError(Outcome.READER_CRASH, _NO_RESULT) from error
    raise NotScoredError(outcome, message)
