"""Rows a second of pandas and a plain scikit-learn pipeline, which Spark or SageMaker would run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Final

from benchmarks.capacity.measured import PeerMeasurement

if TYPE_CHECKING:
    from pathlib import Path

ROWS: Final = 500_000
ROUNDS: Final = 8
FAMILY: Final = "logistic_regression"
"""The quickest model that scikit-learn has, so that the peers are not at a loss."""


def measure_peer(work: Path) -> PeerMeasurement:
    """Run benchmarks/batch.py's contender, each round in a process of its own; the best counts.

    Parameters
    ----------
    work : Path
        Folder for its files.
    """
    work.mkdir(parents=True, exist_ok=True)
    script = [sys.executable, "-m", "benchmarks.batch", "--work", str(work)]
    subprocess.run([*script, "--prepare", str(ROWS), FAMILY], check=True)
    seconds = []
    for _ in range(ROUNDS):
        done = subprocess.run(
            [*script, "--contender", "plain_sklearn"], check=True, capture_output=True, text=True
        )
        seconds.append(float(json.loads(done.stdout.splitlines()[-1])["seconds"]))
    return PeerMeasurement(
        rows=ROWS, cores=os.cpu_count() or 1, family=FAMILY, rows_per_second=round(ROWS / min(seconds))
    )
