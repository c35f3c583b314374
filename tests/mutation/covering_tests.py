"""Measure which tests run which lines, and choose the tests of a mutant.

A measurement is kept per test file in ``build/mutation/covering``, named by the digest of the sources. After
a change of the tests, only the changed files are measured again.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import sqlite3
import subprocess
import sys
import xml.etree.ElementTree as ET
from bisect import bisect
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.mutation.sample import ROOT, SOURCES, source_files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.mutation.sample import Mutant

TESTS: Final = (
    "tests/unit/churn_core/scoring",
    "tests/unit/functions",
    "tests/property",
    "tests/functional/files",
    "tests/functional/score_api",
    "tests/functional/batch",
    "tests/functional/commands/test_drift_command.py",
    "tests/infra/project/test_openapi.py",
)
LEFT_OUT: Final = (
    "tests/functional/batch/interruptions/test_mutants.py",
    "tests/functional/files/test_mutants.py",
    "tests/functional/score_api/test_score_fuzz.py",
)
"""Files that take minutes, or that plant faults themselves."""

MIRRORED_SECONDS: Final = 10.0
OTHER_SECONDS: Final = 20.0
"""How long the chosen tests take together; later ones would not run within a mutant's 60 s."""

SLOW: Final = 5.0
"""Seconds of a test that runs only where no other one does; on a busy machine it may take a minute."""

MIRRORED: Final = "tests/unit"

_ABOUT_AS_LONG: Final = (0.1, 1.0)
"""Seconds that separate fast, medium and slow tests."""


@dataclass(frozen=True, slots=True)
class MeasuredFile:
    """What the tests of one file run.

    Attributes
    ----------
    digest : str
        Of the test file.
    seconds : dict
        How long each test took.
    lines : dict
        Test to source file to the lines that it runs.
    """

    digest: str
    seconds: dict[str, float]
    lines: dict[str, dict[str, list[int]]]


class CoveringTests:
    """Chooses the tests of a mutant."""

    def __init__(self, measured: dict[str, MeasuredFile]) -> None:
        self._seconds: dict[str, float] = {}
        self._tests: dict[tuple[str, int], set[str]] = defaultdict(set)
        for file in measured.values():
            self._seconds |= file.seconds
            for test, sources in file.lines.items():
                for source, lines in sources.items():
                    for line in lines:
                        self._tests[source, line].add(test)

    def choose(self, mutant: Mutant) -> dict[str, float]:
        """Return the tests that run the changed statement, with their seconds, the fastest first.

        A statement outside of functions runs once, at import: then the tests of the file's functions count.
        A line may run in processes of its own only, which are not measured: then the tests of the files that
        name its module count. The unit tests that mirror the file always run.
        """
        tree = ast.parse((ROOT / mutant.file).read_text(encoding="utf-8"))
        runs_in_function, lines = _statement(tree, mutant.line)
        found = set[str]().union(*(self._tests[mutant.file, line] for line in lines))
        if not runs_in_function:
            found |= self._tests_of_functions(mutant.file)
        mirrored = mirrored_files(mutant.file)
        if not found:
            for file in _files_that_name(mutant.file):
                found |= self._tests_of_most_lines(file)
                mirrored += mirrored_files(file)
        found = found or self._tests_of_functions(mutant.file)
        first = {test for test in self._seconds if test.partition("::")[0] in mirrored}
        chosen = [
            *self._fastest(first, MIRRORED_SECONDS),
            *self._fastest(found - first, OTHER_SECONDS),
        ]

        def order(test: str) -> tuple[int, bool, str, float]:
            # Tests of a file that take about as long stay together: fixtures of the file are set up once.
            seconds = self._time(test)
            return bisect(_ABOUT_AS_LONG, seconds), test not in first, test.partition("::")[0], seconds

        return {test: self._time(test) for test in sorted(chosen, key=order)}

    def _tests_of_functions(self, file: str) -> set[str]:
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        inside = {line for span in _function_bodies(tree) for line in span}
        return set[str]().union(*(self._tests[file, line] for line in inside))

    def _tests_of_most_lines(self, file: str) -> set[str]:
        """Return the tests that run most of a file, such as one that starts a process."""
        lines = Counter(
            test for (source, _), tests in self._tests.items() if source == file for test in tests
        )
        most = max(lines.values(), default=0)
        return {test for test, count in lines.items() if count >= 0.75 * most}

    def _fastest(self, tests: set[str], left: float) -> Iterator[str]:
        for place, test in enumerate(sorted(tests, key=self._time)):
            # At least one test runs, however long it takes.
            if place == 0 or (left > 0 and self._time(test) < SLOW):
                yield test
            left -= self._time(test)

    def _time(self, test: str) -> float:
        return self._seconds.get(test, 1.0)


def mirrored_files(source: str) -> list[str]:
    """Return the unit tests that mirror a source file."""
    path = Path(MIRRORED, source)
    places = (path.parent / f"test_{path.stem}.py", path.parent.parent / f"test_{path.stem}.py")
    return [str(place) for place in places if (ROOT / place).exists()]


def _files_that_name(source: str) -> list[str]:
    name = source.removesuffix(".py").replace("/", ".")
    return [file for file in source_files() if name in (ROOT / file).read_text(encoding="utf-8")]


def measure(copy: Path, kept: Path, variables: dict[str, str]) -> CoveringTests:
    """Measure the test files that have changed since the last time.

    Parameters
    ----------
    copy : Path
        Copy of the project to run in.
    kept : Path
        Folder of the measurements.
    variables : dict
        Environment of the tests.
    """
    kept.mkdir(parents=True, exist_ok=True)
    state = kept / f"{digest_of(source_files())}.json"
    content = json.loads(state.read_text(encoding="utf-8")) if state.exists() else {}
    measured = {file: MeasuredFile(**entry) for file, entry in content.items()}
    current = {file: digest_of([file]) for file in files_of_tests()}
    measured = {file: entry for file, entry in measured.items() if current.get(file) == entry.digest}
    missing = [file for file in current if file not in measured]
    if missing:
        print(f"Measuring which lines {len(missing)} test files run ...", flush=True)
        data, times = kept / "coverage", kept / "times.xml"
        command = [
            *(sys.executable, "-m", "pytest", *missing, "-q", "-p", "no:cacheprovider"),
            *("--numprocesses", "auto", "--dist", "loadfile", f"--junitxml={times}"),
            *(*(f"--cov={source}" for source in SOURCES), "--cov-context=test", "--cov-report="),
        ]
        done = subprocess.run(
            command, cwd=copy, env=os.environ | variables | {"COVERAGE_FILE": str(data)}, check=False
        )
        if done.returncode != 0:
            raise SystemExit("Tests fail without any mutant; fix them first.")
        measured |= read_measurement(missing, data, times, copy)
        content = {file: asdict(entry) for file, entry in measured.items()}
        state.write_text(json.dumps(content), encoding="utf-8")
    return CoveringTests(measured)


def read_measurement(files: list[str], data: Path, times: Path, root: Path) -> dict[str, MeasuredFile]:
    """Read what pytest-cov and junit have written about test files.

    Parameters
    ----------
    files : list of str
        Test files that have run.
    data : Path
        Coverage with a context for each test.
    times : Path
        JUnit XML.
    root : Path
        Copy of the project that the tests ran in.
    """
    from coverage.numbits import numbits_to_nums

    measured = {file: MeasuredFile(digest_of([file]), {}, {}) for file in files}
    for case in ET.parse(times).iter("testcase"):
        file = str(case.get("classname")).replace(".", "/") + ".py"
        if case.find("skipped") is None:
            measured[file].seconds[f"{file}::{case.get('name')}"] = float(str(case.get("time")))
    query = (
        "SELECT file.path, context.context, line_bits.numbits FROM line_bits"
        " JOIN file ON file.id = file_id JOIN context ON context.id = context_id"
    )
    with sqlite3.connect(data) as connection:
        for path, context, numbits in connection.execute(query):
            # A context is a test and one of its phases; lines that run at collection have none.
            test = context.rpartition("|")[0]
            entry = measured.get(test.partition("::")[0])
            if entry is not None and test in entry.seconds:
                source = str(Path(path).relative_to(root))
                lines = entry.lines.setdefault(test, {}).setdefault(source, [])
                lines.extend(numbits_to_nums(numbits))
    return measured


def files_of_tests(root: Path = ROOT) -> list[str]:
    """Return the test files of the project, or of a copy of it, that may run against mutants."""
    files: list[str] = []
    for name in TESTS:
        found = sorted((root / name).rglob("test_*.py")) if (root / name).is_dir() else [root / name]
        files += [str(path.relative_to(root)) for path in found]
    return [file for file in files if file not in LEFT_OUT]


def digest_of(files: list[str], root: Path = ROOT) -> str:
    """Compute the digest of files of the project, or of a copy of it."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file}\0".encode() + (root / file).read_bytes())
    return digest.hexdigest()[:16]


def _statement(tree: ast.Module, line: int) -> tuple[bool, range]:
    """Return whether a line runs in a function, and the lines of its statement, without a body."""
    inside = any(line in span for span in _function_bodies(tree))
    best = range(line, line + 1)
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or 0):
            bodies = getattr(node, "body", None)
            end = bodies[0].lineno - 1 if bodies else node.end_lineno or node.lineno
            # `ast.walk` goes from outside to inside, so the last hit is the innermost statement.
            if line <= max(end, node.lineno):
                best = range(node.lineno, max(end, node.lineno) + 1)
    return inside, best


def _function_bodies(tree: ast.Module) -> Iterator[range]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield range(node.body[0].lineno, (node.end_lineno or node.lineno) + 1)
