"""The scoring process: its environment, its result file and its memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from functions.batch import scoring_process
from functions.batch.scoring_process import ScoringProcess, parse_result
from functions.batch.scoring_task import RESULT_FILE, ScoredFile, peak_kilobytes
from functions.shared.outcomes import NotScoredError, Outcome

COUNTS: dict[str, Any] = {
    "rows": 3,
    "scored": 2,
    "rejected": 1,
    "will_churn": 1,
    "rejects": {},
    "warnings": {},
    "drift": None,
}
DRIFT: dict[str, Any] = {
    "verdict": "stable",
    "moved": ["tenure"],
    "columns": {"tenure": {"psi": 0.5}, "Contract": {"psi": None}},
    "scores": {"psi": 0.1},
}


@pytest.mark.skipif(sys.platform != "linux", reason="prctl exists on Linux only; run this test there")
def test_children_can_not_read_the_functions_environment() -> None:
    """Only root may read /proc/<pid>/environ of a process that is not dumpable (proc(5))."""
    script = (
        "import ctypes; from functions.batch.scoring_process import hide_environment;"
        " get = lambda: ctypes.CDLL(None).prctl(3, 0, 0, 0, 0);"
        " print(get()); hide_environment(); print(get())"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "0"]


def test_a_result_is_counts_or_a_fault() -> None:
    assert parse_result(COUNTS) == ScoredFile(**COUNTS)
    assert parse_result(COUNTS | {"drift": DRIFT}).drift == DRIFT
    with pytest.raises(NotScoredError, match=r"^Fix it\.$") as fault:
        parse_result({"outcome": "schema", "message": "Fix it."})
    assert fault.value.outcome is Outcome.SCHEMA


@pytest.mark.parametrize(
    "content",
    [
        None,
        1,
        "x",
        [],
        {},
        {"rows": 1},
        COUNTS | {"more": 1},
        {"outcome": "fine", "message": ""},
        {"outcome": "schema"},
        *(COUNTS | {name: value} for name in COUNTS for value in ("3", -1, 1.5, float("nan"), True, 2**70)),
        COUNTS | {"rows": 4},
        COUNTS | {"rejects": {"a customer": 1}},
        COUNTS | {"rejects": {"missing": "1"}},
        COUNTS | {"warnings": {"unknown": None}},
        *(COUNTS | {"drift": DRIFT | change} for change in ({"verdict": 1}, {"moved": [1]}, {"scores": 1})),
        COUNTS | {"drift": DRIFT | {"columns": {"tenure": {"psi": float("inf")}}}},
        COUNTS | {"drift": DRIFT | {"columns": []}},
    ],
)
def test_a_malformed_result_counts_as_a_crash(content: object) -> None:
    with pytest.raises(NotScoredError) as crash:
        parse_result(content)
    assert crash.value.outcome is Outcome.READER_CRASH


def test_the_peak_memory_of_a_running_process_is_known() -> None:
    assert (peak_kilobytes("self") or 0) > 1_000
    assert peak_kilobytes(2**22 + 1) is None


@pytest.mark.parametrize("code", [1, 3, 255])
def test_a_process_that_fails_is_a_crash_whatever_result_it_left(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = f"import sys; open({RESULT_FILE!r}, 'w').write({json.dumps(COUNTS)!r}); sys.exit({code})"
    monkeypatch.setattr(scoring_process, "_BOOTSTRAP", script)
    with pytest.raises(NotScoredError, match=f"ended with {code};") as crash:
        ScoringProcess(tmp_path / "model", 100, 2_048).score(tmp_path, {}, 60)
    assert crash.value.outcome is Outcome.READER_CRASH


def test_the_result_of_a_process_that_ends_well_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = f"open({RESULT_FILE!r}, 'w').write({json.dumps(COUNTS)!r})"
    monkeypatch.setattr(scoring_process, "_BOOTSTRAP", script)
    assert ScoringProcess(tmp_path / "model", 100, 2_048).score(tmp_path, {}, 60) == ScoredFile(**COUNTS)


def test_a_process_may_use_85_percent_of_the_functions_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 1,000 MB are 1,024,000 kB.
    monkeypatch.setattr(scoring_process, "peak_kilobytes", lambda _: 870_401)
    monkeypatch.setattr(scoring_process, "_BOOTSTRAP", "import time; time.sleep(600)")
    process = ScoringProcess(tmp_path / "model", 100, memory_mb=1_000)
    assert process.peak_kilobytes == 0
    with pytest.raises(NotScoredError) as stopped:
        process.score(tmp_path, {}, 10)
    assert stopped.value.outcome is Outcome.RESOURCE_LIMIT
    assert process.peak_kilobytes == 870_401

    script = f"open({RESULT_FILE!r}, 'w').write({json.dumps(COUNTS)!r})"
    monkeypatch.setattr(scoring_process, "peak_kilobytes", lambda _: 870_400)
    monkeypatch.setattr(scoring_process, "_BOOTSTRAP", script)
    assert process.score(tmp_path, {}, 60) == ScoredFile(**COUNTS)
