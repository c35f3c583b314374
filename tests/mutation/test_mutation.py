"""Small faults in what scores: at least nine of ten fail a test. `make proof` tries 400 of them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.mutation.sample import ROOT, read_equivalent, source_files
from tests.proof_figures import cases


@pytest.mark.skipif(
    not cases(0, "CHURN_SMALL_FAULTS"),
    reason="takes an hour; 'make proof' runs it, or set CHURN_SMALL_FAULTS=400 after 'make setup-mutation'",
)
def test_at_least_nine_of_ten_small_faults_are_noticed() -> None:
    # A process of its own: it forks, and its forks run pytest.
    command = [sys.executable, "-m", "tests.mutation.run", "--mutants", str(cases(0, "CHURN_SMALL_FAULTS"))]
    assert subprocess.run([*command, "--least", "0.9"], cwd=ROOT, check=False).returncode == 0


def test_each_equivalent_mutant_matches_the_source_and_has_a_reason() -> None:
    sources = {file: _without_layout((ROOT / file).read_text(encoding="utf-8")) for file in source_files()}
    for entry in read_equivalent():
        searched = sources.values() if entry.file is None else [sources[entry.file]]
        assert any(_without_layout(entry.before) in source for source in searched), entry
        assert entry.before != entry.after
        assert entry.reason.endswith("."), entry


def _without_layout(text: str) -> str:
    return " ".join(text.split())
