"""What the scoring process is kept from, where that can be seen without a file."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from functions.batch.scoring_process import read_result
from functions.batch.scoring_task import ScoredFile, peak_kilobytes
from functions.shared.outcomes import NotScoredError, Outcome

COUNTS: dict[str, Any] = {
    "rows": 3,
    "scored": 2,
    "rejected": 1,
    "will_churn": 1,
    "rejects": {},
    "unknown": {},
    "drift": None,
}


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's; run this test there")
def test_a_functions_environment_can_not_be_read_by_its_children() -> None:
    """Of a process that may not be dumped, /proc shows the environment to root alone (proc(5))."""
    script = (
        "import ctypes; from functions.batch.scoring_process import hide_environment;"
        " get = lambda: ctypes.CDLL(None).prctl(3, 0, 0, 0, 0);"
        " print(get()); hide_environment(); print(get())"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "0"]


def test_what_the_process_tells_is_read() -> None:
    assert read_result(COUNTS) == ScoredFile(**COUNTS)
    with pytest.raises(NotScoredError, match=r"^Mend it\.$") as told:
        read_result({"outcome": "schema", "message": "Mend it."})
    assert told.value.outcome is Outcome.SCHEMA


@pytest.mark.parametrize(
    "told",
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
    ],
)
def test_nonsense_from_the_process_is_a_crash(told: object) -> None:
    with pytest.raises(NotScoredError) as crash:
        read_result(told)
    assert crash.value.outcome is Outcome.READER_CRASH


def test_the_peak_of_a_process_is_known_while_it_runs() -> None:
    assert (peak_kilobytes("self") or 0) > 1_000
    assert peak_kilobytes(2**22 + 1) is None
