"""No test needs its neighbours: each file passes alone, and the suite passes in a random order.

Run by `make proof` (CHURN_TEST_ORDER=1). A file or seed that has passed with the same sources is not run
again, so an interrupted proof resumes.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from itertools import pairwise
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.conftest import pytest_collection_modifyitems
from tests.e2e.page_blocks import ROOT
from tests.proof_figures import cases, record_figure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SEED: Final = cases(1, "CHURN_SHUFFLE")
PASSED: Final = ROOT / "build" / "test-order"
SELF: Final = "tests/project/test_order.py"
_ENDS_WELL: Final = (0, 5)
"""Exit codes of pytest: all passed; no test was collected, since all are deselected."""

in_a_proof = pytest.mark.skipif(not cases(0, "CHURN_TEST_ORDER"), reason="run by make proof")


def all_test_files() -> list[str]:
    files = (ROOT / "tests").rglob("test_*.py")
    return sorted(str(file.relative_to(ROOT)) for file in files if str(file.relative_to(ROOT)) != SELF)


def failure(name: str, *words: str, **variables: str) -> str | None:
    """Run pytest unless this has passed before; return the end of its output if a test failed."""
    mark = PASSED / hashlib.sha256(f"{sources()} {name}".encode()).hexdigest()
    if mark.exists():
        return None
    environment = {key: value for key, value in os.environ.items() if not key.startswith("CHURN_TEST_ORDER")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *words],
        cwd=ROOT,
        env=environment | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in _ENDS_WELL:
        return done.stdout[-2_000:]
    PASSED.mkdir(parents=True, exist_ok=True)
    mark.touch()
    return None


def sources() -> str:
    """Return a digest of everything that a test's result may depend on."""
    digest = hashlib.sha256()
    for path in _source_files():
        digest.update(f"{path.relative_to(ROOT)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _source_files() -> Iterator[Path]:
    for folder in ("churn_core", "functions", "infra", "benchmarks", "tests", "config", "events"):
        yield from sorted(
            path for path in (ROOT / folder).rglob("*") if path.suffix in (".py", ".yaml", ".json")
        )
    yield ROOT / "pyproject.toml"


@in_a_proof
def test_each_test_file_passes_alone() -> None:
    files = all_test_files()
    failures = {file: found for file in files if (found := failure(file, file)) is not None}
    assert failures == {}
    record_figure("test files that pass alone", f"{len(files)} of {len(files)}")


@in_a_proof
def test_the_suite_passes_in_a_random_order() -> None:
    assert failure(f"seed {SEED}", "tests", f"--deselect={SELF}", CHURN_SHUFFLE=str(SEED)) is None
    record_figure("the suite in a random order of files, and of the tests in each", f"seed {SEED}: passed")


def test_a_seed_shuffles_files_and_tests_but_keeps_files_together(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = [(file, test) for file in "abcdef" for test in range(5)]

    def order(seed: str) -> list[tuple[str, int]]:
        monkeypatch.setenv("CHURN_SHUFFLE", seed)
        items: list[Any] = [SimpleNamespace(path=file, test=test) for file, test in usual]
        pytest_collection_modifyitems(items)
        return [(item.path, item.test) for item in items]

    assert order("1") == order("1") != order("2")
    assert sorted(order("1")) == usual
    files = [file for file, _ in order("1")]
    assert "".join(dict.fromkeys(files)) != "abcdef"
    assert sum(one != following for one, following in pairwise(files)) == 5
    assert [test for file, test in order("1") if file == "a"] != list(range(5))
