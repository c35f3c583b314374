"""Run the proofs that take too long for every change, and write their figures to docs/proof.md.

`make proof` runs this. Each proof is a part of the suite with more cases; its tests record figures.
`make proof PROOFS="tests/e2e/bundles/test_score_bundle.py"` runs one proof and keeps the rows of the
others. The page lists each skipped test with its reason, because a skipped test proves nothing.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from dataclasses import dataclass
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
    "tests/e2e/bundles/test_score_bundle.py": {},
    "tests/e2e/bundles/test_package.py": {"CHURN_PACKAGE": "1"},
    "tests/e2e/bundles/test_arm64_bundle.py": {"CHURN_ARM64": "1"},
    "tests/e2e/bundles/test_pre_traffic_bundle.py": {"CHURN_HOOK_BUNDLE": "1"},
    "tests/infra/template/test_linters.py": {"CHURN_CHECKOV": "1"},
    "tests/infra/project/test_audit.py": {"CHURN_AUDIT": "1"},
    "tests/e2e/local/test_batch_in_cgroup.py": {"CHURN_DROP_ROWS": "5000000"},
    "tests/functional/batch/interruptions/test_schedules.py": {
        "CHURN_MODEL_SCHEDULES": "10000",
        "CHURN_MOTO_SCHEDULES": "300",
    },
    "tests/functional/batch/interruptions/test_model_s3.py": {"CHURN_MODEL_EXAMPLES": "500"},
    "tests/functional/batch/interruptions/test_crash_points.py": {},
    "tests/functional/batch/test_batch_guarantees.py": {"CHURN_ROW_TABLES": "1000"},
    "tests/functional/batch/hostile/test_bombs.py": {"CHURN_PAIRS": "1"},
    "tests/functional/batch/test_batch_files.py": {"CHURN_BIT_FLIPS": "2000", "CHURN_PAIRS": "1"},
    "tests/functional/commands/hostile/test_hostile_words.py": {"CHURN_HOSTILE_WORDS": "1000"},
    "tests/mutants/test_mutants.py": {"CHURN_MUTANTS": "1"},
    "tests/mutation": {"CHURN_SMALL_FAULTS": "400"},
    "tests/functional/training/test_same_bytes.py": {
        "CHURN_SAME_BYTES_SHIFTS": "5",
        "CHURN_SAME_BYTES_PROCESSES": "6",
    },
    "tests/functional/batch/backfill/test_interruptions.py": {"CHURN_INTERRUPTION_STEP": "1"},
    "tests/project/test_order.py": {"CHURN_TEST_ORDER": "1"},
    "tests/functional/batch/backfill/test_random_schedules.py": {"CHURN_BACKFILL_SCHEDULES": "1000"},
    "tests/containers": {"CHURN_CONTAINERS": "1"},
}
"""Test files, and the variables that make them try more cases."""

_ROW: Final = re.compile(r"^\| (?P<claim>.+) \| (?P<figure>.+) \| `(?P<tests>.+)` \| (?P<date>.+) \|$", re.M)
_SKIPPED: Final = "skipped: "


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the page: the claim, its figure, the tests and the date of the run."""

    claim: str
    figure: str
    tests: str
    date: str

    def __str__(self) -> str:
        return f"| {self.claim} | {self.figure} | `{self.tests}` | {self.date} |"


def main(chosen: list[str]) -> int:
    """Run the proofs and write the rows of each one that passes; return 1 at the first failure."""
    if unknown := set(chosen) - set(PROOFS):
        print(f"Unknown proof {', '.join(sorted(unknown))}; choose from {', '.join(PROOFS)}", file=sys.stderr)
        return 2
    for tests in chosen or PROOFS:
        found = _run(tests)
        if found is None:
            return 1
        rows = [row for row in _read_rows() if row.tests in PROOFS and row.tests != tests] + found
        rows.sort(key=lambda row: list(PROOFS).index(row.tests))
        PAGE.write_text(_page(rows), encoding="utf-8")
        print(f"Wrote {tests} to {PAGE.relative_to(ROOT)}.")
    return 0


def _run(tests: str) -> list[Row] | None:
    """Run one proof; return its rows, or None if a test failed."""
    with tempfile.TemporaryDirectory(prefix="churn-proof-") as folder:
        collected, report = Path(folder, "figures"), Path(folder, "report.xml")
        collected.touch()
        environment = os.environ | PROOFS[tests] | {"CHURN_PROOF_FIGURES": str(collected)}
        command = [sys.executable, "-m", "pytest", "-q", "--timeout", "7200", f"--junit-xml={report}", tests]
        if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode != 0:
            return None
        today = f"{datetime.now(UTC):%Y-%m-%d}"
        figures = [json.loads(line) for line in collected.read_text(encoding="utf-8").splitlines()]
        rows = [Row(figure["claim"], figure["figure"], tests, today) for figure in figures]
        return rows + [Row(name, _SKIPPED + reason, tests, today) for name, reason in _skipped(report)]


def _skipped(report: Path) -> list[tuple[str, str]]:
    """Return the name of each skipped test in words, and its reason."""
    cases = ET.parse(report).getroot().iter("testcase")
    return [
        (case.get("name", "").removeprefix("test_").replace("_", " "), skip.get("message", ""))
        for case in cases
        if (skip := case.find("skipped")) is not None
    ]


def _read_rows() -> list[Row]:
    text = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    return [Row(**found.groupdict()) for found in _ROW.finditer(text)]


def _page(rows: list[Row]) -> str:
    lines = "\n".join(str(row) for row in rows)
    return (
        "# Proof\n\n"
        "What the suite proves on every change, proved with more cases. `make proof` runs it and writes\n"
        "this page; a row has the day on which its figure was found.\n\n"
        f"| claim | figure | tests | found on |\n| --- | --- | --- | --- |\n{lines}\n"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
