"""A file that the function's process scores in the test's own folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from churn_core.data import generate_sample_data
from functions.batch.scoring_child import run_task
from functions.batch.scoring_process import parse_result
from functions.batch.scoring_task import INPUT_FILE, INPUT_KEY, OUTPUT_FILE, ScoringTask

if TYPE_CHECKING:
    from pathlib import Path

MEMORY_MB = 1_769
CUSTOMERS = generate_sample_data(30, seed=2).drop(columns="Churn")


def scored_here(folder: Path, model: Path, content: bytes, key: str = "in.parquet") -> pa.Table:
    """Return the scores of a file that was dropped as `key`; raise `NotScoredError` if it is refused."""
    (folder / INPUT_FILE).write_bytes(content)
    parse_result(run_task(folder, ScoringTask(str(model), {INPUT_KEY: key}, 10**9, MEMORY_MB, cpu_seconds=0)))
    return pq.read_table(folder / OUTPUT_FILE)
