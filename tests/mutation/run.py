"""Plant one small fault after another into the sources, and count how many the tests notice.

    make mutation
    .venv/bin/python -m tests.mutation.run --mutants 1000 --seed 2

A sample of the mutants that Cosmic Ray makes is drawn by a seed: places first, then one mutant a place, so
that an operator with many replacements has no more weight than another. Tests that reach the changed line
run, the fastest first, until one fails; a mutant has 60 seconds. Results are kept in ``build/mutation``, so
that a run that was stopped continues. A change of a file gives its mutants other names.

`equivalent.toml` lists mutants that no test can notice, each with the reason; they do not count.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
import tomllib
import xml.etree.ElementTree as ET
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final

from tests.proof_figures import record_figure
from tests.trained_once import source_digest

ROOT: Final = Path(__file__).resolve().parents[2]
WORK: Final = ROOT / "build" / "mutation"
RESULTS: Final = WORK / "results.jsonl"
EQUIVALENT: Final = Path(__file__).with_name("equivalent.toml")
SOURCES: Final = ("churn_core/scoring", "functions/batch", "functions/backfill", "functions/score")
TESTS: Final = (
    "tests/unit/churn_core/scoring",
    "tests/unit/functions",
    "tests/property",
    "tests/functional/files",
    "tests/functional/score_api",
    "tests/functional/batch",
)
TOO_SLOW: Final = ("tests/functional/batch/interruptions", "tests/functional/score_api/test_score_fuzz.py")
SECONDS: Final = 60
MOST_TESTS: Final = 150
"""Tests of one mutant; thousands may reach a line, and the fast ones come first."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault: an operator of Cosmic Ray at its nth place in a file."""

    file: str
    operator: str
    occurrence: int
    line: int

    @property
    def name(self) -> str:
        """Name that changes with the file, so that a kept result is never another source's."""
        source = hashlib.sha256((ROOT / self.file).read_bytes()).hexdigest()[:12]
        return f"{self.file}@{source} {self.operator.removeprefix('core/')} {self.occurrence}"


def main() -> int:
    """Run the sample; return 0 if enough mutants were noticed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--mutants", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--least", type=float, default=0.9, help="share that must be noticed")
    options = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    copies = [copy_tree(WORK / f"copy-{number}") for number in range(options.workers)]
    reached, seconds = coverage_of_tests(copies[0])
    wanted = sample(list_mutants(), options.mutants, options.seed)
    known = kept_results()
    missing = [mutant for mutant in wanted if mutant.name not in known]
    print(f"{len(wanted)} mutants, of which {len(missing)} have no result yet.", flush=True)
    free: SimpleQueue[Path] = SimpleQueue()
    for copy in copies:
        free.put(copy)

    def settle(mutant: Mutant) -> None:
        copy = free.get()
        try:
            tests = sorted(reached[mutant.file, mutant.line], key=lambda test: seconds.get(test, 1.0))
            result = outcome(copy, mutant, tests[:MOST_TESTS])
        finally:
            free.put(copy)
        known[mutant.name] = result
        with RESULTS.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"mutant": mutant.name, "line": mutant.line, "result": result}) + "\n")
        print(f"{result:<9} {mutant.file}:{mutant.line} {mutant.operator}", flush=True)

    with ThreadPoolExecutor(options.workers) as pool:
        list(pool.map(settle, missing))
    return report(wanted, known, options.least)


def copy_tree(target: Path) -> Path:
    """Bring a copy of the project up to date with what git knows of it."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    for name in filter(None, listed.split("\0")):
        source, copy = ROOT / name, target / name
        if source.is_file() and not (copy.is_file() and copy.read_bytes() == source.read_bytes()):
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(source.read_bytes())
    return target


def list_mutants() -> list[Mutant]:
    """List all mutants of the sources."""
    found = [path for source in SOURCES for path in sorted((ROOT / source).rglob("*.py"))]
    files = [str(path.relative_to(ROOT)) for path in found]
    done = subprocess.run(
        [ROOT / ".mutation-venv/bin/python", "tests/mutation/mutants.py", "list", *files],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [Mutant(**json.loads(line)) for line in done.stdout.splitlines()]


def sample(mutants: list[Mutant], count: int, seed: int) -> list[Mutant]:
    """Draw places, then one mutant at each; equivalent mutants are never drawn."""
    listed = {(entry["file"], entry["operator"], entry["occurrence"]) for entry in equivalent()}
    places: dict[tuple[str, int, str], list[Mutant]] = defaultdict(list)
    for mutant in mutants:
        if (mutant.file, mutant.operator, mutant.occurrence) not in listed:
            kind = mutant.operator.split("_")[0]
            places[mutant.file, mutant.line, kind].append(mutant)
    draw = random.Random(seed)
    chosen = draw.sample(sorted(places), min(count, len(places)))
    return [draw.choice(places[place]) for place in chosen]


def equivalent() -> list[dict[str, Any]]:
    """Read the mutants that change nothing that a test could see."""
    entries: list[dict[str, Any]] = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8")).get("mutant", [])
    return entries


def coverage_of_tests(copy: Path) -> tuple[dict[tuple[str, int], set[str]], dict[str, float]]:
    """Return the tests that reach each line, and the seconds of each test; measured again after a change."""
    digest = hashlib.sha256()
    for path in sorted(file for folder in (*SOURCES, *TESTS) for file in (ROOT / folder).rglob("*.py")):
        digest.update(path.read_bytes())
    data, times = WORK / f"coverage-{digest.hexdigest()[:12]}", WORK / f"times-{digest.hexdigest()[:12]}.xml"
    if not (data.exists() and times.exists()):
        print("Measuring which tests reach which lines ...", flush=True)
        command = [
            *(sys.executable, "-m", "pytest", *TESTS, *(f"--ignore={path}" for path in TOO_SLOW)),
            *("-q", "-p", "no:cacheprovider", "--numprocesses", "auto", "--dist", "loadfile"),
            *(*(f"--cov={source}" for source in SOURCES), "--cov-context=test", "--cov-report="),
            f"--junitxml={times}",
        ]
        variables = environment(copy) | {"COVERAGE_FILE": str(data)}
        done = subprocess.run(command, cwd=copy, env=variables, check=False)
        if done.returncode != 0:
            data.unlink(missing_ok=True)
            raise SystemExit("The tests fail without any mutant; mend them first.")
    return reached_lines(data, copy), test_seconds(times)


def reached_lines(data: Path, copy: Path) -> dict[tuple[str, int], set[str]]:
    """Read pytest-cov's contexts: file and line to the tests that ran it."""
    from coverage.numbits import numbits_to_nums

    reached: dict[tuple[str, int], set[str]] = defaultdict(set)
    query = (
        "SELECT file.path, context.context, line_bits.numbits FROM line_bits"
        " JOIN file ON file.id = file_id JOIN context ON context.id = context_id"
    )
    with sqlite3.connect(data) as connection:
        for path, context, numbits in connection.execute(query):
            test = context.rpartition("|")[0]
            if test:
                for line in numbits_to_nums(numbits):
                    reached[str(Path(path).relative_to(copy)), line].add(test)
    return reached


def test_seconds(times: Path) -> dict[str, float]:
    """Read how long each test took."""
    found = {}
    for case in ET.parse(times).iter("testcase"):
        path = str(case.get("classname")).replace(".", "/") + ".py"
        found[f"{path}::{case.get('name')}"] = float(str(case.get("time")))
    return found


def environment(copy: Path) -> dict[str, str]:
    """Return variables by which every process that a test starts imports the copy."""
    return os.environ | {
        "PYTHONPATH": str(copy),
        "OMP_NUM_THREADS": "1",
        "CHURN_TEST_CACHE": str(WORK / "models"),
        "CHURN_TEST_DIGEST": source_digest(),
    }


def outcome(copy: Path, mutant: Mutant, tests: list[str]) -> str:
    """Return ``killed``, ``timeout``, ``survived``, or ``unreached`` where no test runs the line."""
    if not tests:
        return "unreached"
    path = copy / mutant.file
    sound = path.read_bytes()
    try:
        words = ["write", mutant.file, mutant.operator, str(mutant.occurrence)]
        subprocess.run(
            [ROOT / ".mutation-venv/bin/python", "tests/mutation/mutants.py", *words], cwd=copy, check=True
        )
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-x",
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:xdist",
            *tests,
        ]
        process = subprocess.Popen(
            command,
            cwd=copy,
            env=environment(copy),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            return "killed" if process.wait(SECONDS) else "survived"
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return "timeout"
    finally:
        path.write_bytes(sound)


def kept_results() -> dict[str, str]:
    """Read the results of earlier runs."""
    if not RESULTS.exists():
        return {}
    lines = map(json.loads, RESULTS.read_text(encoding="utf-8").splitlines())
    return {line["mutant"]: line["result"] for line in lines}


def report(wanted: list[Mutant], known: dict[str, str], least: float) -> int:
    """Print what lived, record the share, and return 0 if it is enough."""
    results = [(mutant, known[mutant.name]) for mutant in wanted]
    lived = [(mutant, result) for mutant, result in results if result not in {"killed", "timeout"}]
    share = 1 - len(lived) / len(results)
    for mutant, result in sorted(lived, key=lambda pair: (pair[0].file, pair[0].line)):
        print(f"{result:<9} {mutant.file}:{mutant.line} {mutant.operator} {mutant.occurrence}")
    figure = f"{share:.1%} of {len(results)} (timeouts {sum(r == 'timeout' for _, r in results)})"
    print(f"Noticed: {figure}, equivalent and left out: {len(equivalent())}")
    record_figure("Mutants of scoring, batch, backfill and score that a test notices", figure)
    return 0 if share >= least else 1


if __name__ == "__main__":
    started = time.monotonic()
    code = main()
    print(f"{time.monotonic() - started:,.0f} s")
    sys.exit(code)
