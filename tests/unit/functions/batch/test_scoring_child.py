"""The process that scores a file: its hard limits and its result file."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from functions.batch.scoring_task import RESULT_FILE, ScoringTask

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = """
import json, resource
from functions.batch.scoring_child import main
code = main()
kinds = (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE)
print(json.dumps([code, *map(resource.getrlimit, kinds)]))
"""
GIBIBYTE = 1024**3


def run(folder: Path, memory_mb: int, cpu_seconds: int) -> list[object]:
    """Run the process on a folder without a model; return its exit code and its limits, soft and hard."""
    ScoringTask(str(folder / "no-model"), {}, 100, memory_mb, cpu_seconds).write(folder)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=folder, capture_output=True, text=True, check=True
    )
    found: list[object] = json.loads(done.stdout)
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="the limits are Linux's; run this test there")
def test_the_process_limits_its_address_space_processor_time_output_and_core_dumps(tmp_path: Path) -> None:
    _, allowed = resource.getrlimit(resource.RLIMIT_CPU)
    assert allowed == resource.RLIM_INFINITY or allowed > 70
    code, address_space, processor, file_size, core = run(tmp_path, 2_048, 70)
    assert code == 0
    assert address_space == [4 * GIBIBYTE, 4 * GIBIBYTE]
    assert processor == [70, 70]
    assert file_size == [5 * GIBIBYTE, 5 * GIBIBYTE]
    assert core == [0, 0]


def test_a_fault_is_in_the_result_file(tmp_path: Path) -> None:
    run(tmp_path, 2_048, 70)
    result = json.loads((tmp_path / RESULT_FILE).read_text(encoding="utf-8"))
    assert result["outcome"] == "model-unavailable"
    assert "no-model" in result["message"]


def test_limits_that_are_lower_already_are_kept(tmp_path: Path) -> None:
    ScoringTask(str(tmp_path / "no-model"), {}, 100, 2_048, 70).write(tmp_path)
    lower = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({GIBIBYTE}, {GIBIBYTE}))"
    done = subprocess.run(
        [sys.executable, "-c", lower + SCRIPT], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)[3] == [GIBIBYTE, GIBIBYTE]
