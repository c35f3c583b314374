"""Run the proofs that take too long for every change, and write their figures to docs/proof.md.

`make proof` runs this. Each proof is a part of the suite with more cases; its tests leave their figures.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = ROOT / "docs" / "proof.md"

PROOFS: Final = {
    "tests/functional/score_api/test_score_fuzz.py": {
        "CHURN_FUZZ_EXAMPLES": "1600",
        "CHURN_FUZZ_BODIES": "5000",
    },
    "tests/e2e/test_score_bundle.py": {},
    "tests/e2e/test_batch_in_cgroup.py": {"CHURN_DROP_ROWS": "5000000"},
    "tests/functional/batch/test_schedules.py": {
        "CHURN_MODEL_SCHEDULES": "10000",
        "CHURN_MOTO_SCHEDULES": "300",
    },
    "tests/functional/batch/test_model_s3.py": {"CHURN_MODEL_EXAMPLES": "500"},
    "tests/functional/batch/test_crash_points.py": {},
    "tests/functional/batch/test_batch_guarantees.py": {"CHURN_ROW_TABLES": "1000", "CHURN_PAIRS": "1"},
    "tests/functional/batch/test_batch_files.py": {"CHURN_BIT_FLIPS": "2000", "CHURN_PAIRS": "1"},
    "tests/functional/batch/test_mutants.py": {"CHURN_MUTANTS": "1"},
}
"""Test files, and the variables that make them try more cases."""


def main() -> int:
    """Run all proofs; write the page only if they hold."""
    figures: list[dict[str, str]] = []
    for tests, variables in PROOFS.items():
        with tempfile.NamedTemporaryFile("r+", encoding="utf-8") as collected:
            environment = os.environ | variables | {"CHURN_PROOF_FIGURES": collected.name}
            command = [sys.executable, "-m", "pytest", "-q", "--timeout", "7200", tests]
            if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode != 0:
                return 1
            figures += [json.loads(line) | {"tests": tests} for line in collected]
    PAGE.write_text(_page(figures), encoding="utf-8")
    print(f"Wrote {PAGE.relative_to(ROOT)}.")
    return 0


def _page(figures: list[dict[str, str]]) -> str:
    rows = "\n".join(f"| {f['claim']} | {f['figure']} | `{f['tests']}` |" for f in figures)
    return (
        "# Proof\n\n"
        "What the suite proves on every change, proved with more cases. `make proof` runs it and writes\n"
        f"this page; last on {datetime.now(UTC):%Y-%m-%d}.\n\n"
        f"| claim | figure | tests |\n| --- | --- | --- |\n{rows}\n"
    )


if __name__ == "__main__":
    sys.exit(main())
