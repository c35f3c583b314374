"""How long imports take, each in a fresh process: ``python -m benchmarks.import_time [--rounds 15]``.

Prints, for each statement, the median of the milliseconds that a fresh interpreter needs beyond an empty
program.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from typing import Final

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
    # In turn, so that a busy moment of the machine meets every statement.
    for _ in range(rounds):
        for statement in statements:
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", statement], check=True)
            seconds[statement].append(time.perf_counter() - start)
    empty = statistics.median(seconds["pass"])
    print("| statement | ms beyond an empty program |\n| --- | --- |")
    for statement in STATEMENTS:
        print(f"| `{statement}` | {(statistics.median(seconds[statement]) - empty) * 1_000:.0f} |")


if __name__ == "__main__":
    main()
