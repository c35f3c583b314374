"""Measure imports in fresh interpreters: ``python -m benchmarks.import_time [--rounds 15]``.

Prints the median milliseconds of each statement, without those of an empty program.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
from functools import partial
from typing import Final

from benchmarks.measuring import markdown_table, seconds_of

STATEMENTS: Final = (
    "import churn_core",
    "from churn_core import ChurnPredictor",
    "from churn_core import score_file",
    "from churn_core import load_config",
    "from churn_core import train_model",
    "import churn_core.cli; churn_core.cli.build_parser()",
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.import_time")
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    statements = ("pass", *STATEMENTS)
    seconds: dict[str, list[float]] = {statement: [] for statement in statements}
    # In turn, so that a busy moment of the machine affects every statement.
    for _ in range(rounds):
        for statement in statements:
            command = [sys.executable, "-c", statement]
            seconds[statement].append(seconds_of(partial(subprocess.run, command, check=True)))
    empty = statistics.median(seconds["pass"])
    rows = [[f"`{s}`", f"{(statistics.median(seconds[s]) - empty) * 1_000:.0f}"] for s in STATEMENTS]
    print(markdown_table(["statement", "ms more than an empty program"], rows))


if __name__ == "__main__":
    main()
