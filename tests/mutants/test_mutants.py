"""Faults planted in the project, one at a time: each must fail the named test.

Run by `make proof` (CHURN_MUTANTS=1): each takes some seconds.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutants.batch import BATCH
from tests.mutants.scoring import SCORING
from tests.proof_figures import cases, record_figure

ROOT = Path(__file__).resolve().parents[2]
MUTANTS = {
    **{f"A function that {name} is noticed": mutant for name, mutant in BATCH.items()},
    **{f"Scoring that {name} is noticed": mutant for name, mutant in SCORING.items()},
}
"""By the claim that the page of proofs makes."""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project, in which one file at a time is changed."""
    folder = tmp_path_factory.mktemp("mutants") / "project"
    folder.mkdir()
    archive = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in filter(None, archive.decode().split("\0")):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((ROOT / name).read_bytes())
    return folder


def run(folder: Path, test: str) -> int:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", f"tests/{test}"],
        cwd=folder,
        capture_output=True,
        check=False,
        # Import the copy, not the installed project.
        env=os.environ | {"PYTHONPATH": str(folder)},
    )
    return done.returncode


@pytest.mark.skipif(not cases(0, "CHURN_MUTANTS"), reason="run by make proof (CHURN_MUTANTS=1)")
@pytest.mark.parametrize("claim", MUTANTS)
def test_each_planted_fault_fails_its_test(copy: Path, claim: str) -> None:
    mutant = MUTANTS[claim]
    path = copy / mutant.file
    source = path.read_text(encoding="utf-8")
    assert source.count(mutant.text) == 1
    path.write_text(source.replace(mutant.text, mutant.instead), encoding="utf-8")
    try:
        assert run(copy, mutant.test) == 1
    finally:
        path.write_text(source, encoding="utf-8")
    record_figure(claim, mutant.test.split("::")[1])


def test_each_planted_fault_matches_the_source() -> None:
    for claim, mutant in MUTANTS.items():
        assert (ROOT / mutant.file).read_text(encoding="utf-8").count(mutant.text) == 1, claim
        file, test = mutant.test.split("::")
        defined = (ROOT / "tests" / file).read_text(encoding="utf-8")
        assert f"def {test.partition('[')[0]}(" in defined, claim
