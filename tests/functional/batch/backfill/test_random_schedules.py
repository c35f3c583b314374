"""Random schedules of backfill runs: 30 in the suite, 1,000 in `make proof`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from functions.backfill import results
from tests.functional.batch.backfill.random_schedules import RandomSchedule
from tests.functional.batch.batch_stack import OUTPUT
from tests.functional.batch.interruptions.test_schedules import function_settings
from tests.proof_figures import cases, record_figure

if TYPE_CHECKING:
    from pathlib import Path

    from churn_core.scoring.bundle import Bundle


@pytest.mark.timeout(3_600)
def test_random_schedules_of_runs_score_each_row_once_and_write_one_manifest(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # With one thread, a seed gives the same schedule each time.
    monkeypatch.setattr(results, "THREADS", 1)
    schedules, calls = cases(30, "CHURN_BACKFILL_SCHEDULES"), 0
    for seed in range(schedules):
        schedule = RandomSchedule(seed, bundle, function_settings(tmp_path))
        try:
            schedule.disturb()
            schedule.check(schedule.finish())
            before = schedule.model.bodies(OUTPUT)
            schedule.finish()
            assert schedule.model.bodies(OUTPUT) == before
        except Exception as error:
            error.add_note(f"seed {seed}")
            raise
        calls += schedule.calls
    record_figure(
        "Random schedules of backfill runs: each row once, one manifest, nothing written twice",
        f"{schedules:,} ({calls:,} calls of the functions)",
    )
