"""Plant one small fault after another into the sources, and count how many the tests notice.

    make mutation MUTANTS=400
    .venv/bin/python -m tests.mutation.run --mutants 1000 --seed 2

A seed draws a sample of the mutants that Cosmic Ray makes. The tests that run the changed line run, the
fastest first, until one fails; a mutant has 60 seconds. A mutant is also noticed if a test loops or waits
forever. `equivalent.toml` lists mutants that no test can notice, each with the reason; they do not count.

Results are kept in ``build/mutation``, so a run that was stopped continues, and a second run tests only what
has changed: mutants of changed files, mutants whose killing test has changed, and survivors when any test
has changed. It needs Linux (pidfd, prctl) and the environment of `make setup-mutation`.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.mutation.covering_tests import digest_of, files_of_tests, measure
from tests.mutation.forked_tests import ForkedTests, Outcome, import_packages
from tests.mutation.sample import ROOT, Mutant, draw_sample, read_equivalent
from tests.proof_figures import record_figure
from tests.trained_once import CACHE, source_digest

if TYPE_CHECKING:
    from multiprocessing.queues import SimpleQueue

    from tests.mutation.covering_tests import CoveringTests

WORK: Final = ROOT / "build" / "mutation"
RESULTS: Final = WORK / "results.jsonl"
SECONDS: Final = 60
NOTICED: Final = ("killed", "timeout")

_tests: ForkedTests
"""Of this worker; set in the processes of `run_mutants` only."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run has found: the sample's outcomes, and how many mutants were left out as equivalent."""

    outcomes: list[tuple[Mutant, Outcome]]
    left_out: int

    @property
    def survivors(self) -> list[tuple[Mutant, Outcome]]:
        """Mutants that no test noticed."""
        return [(mutant, outcome) for mutant, outcome in self.outcomes if outcome.result not in NOTICED]

    @property
    def share(self) -> float:
        """Share of the mutants that a test noticed."""
        return 1 - len(self.survivors) / len(self.outcomes)

    def __str__(self) -> str:
        timeouts = sum(outcome.result == "timeout" for _, outcome in self.outcomes)
        return (
            f"{self.share:.1%} of {len(self.outcomes)} ({timeouts} of them never end); "
            f"{self.left_out} equivalent ones left out"
        )


def main() -> int:
    """Run the sample; return 0 if enough mutants were noticed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--mutants", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--least", type=float, default=0.9, help="share that must be noticed")
    options = parser.parse_args()
    started = time.monotonic()
    summary = run_sample(options.mutants, options.seed, options.workers)
    print(f"Noticed: {summary}; {time.monotonic() - started:,.0f} s")
    return 0 if summary.share >= options.least else 1


def run_sample(count: int, seed: int, workers: int) -> Summary:
    """Test a sample of mutants, print and record what was found.

    Parameters
    ----------
    count : int
        Mutants of the sample.
    seed : int
        Of the draw.
    workers : int
        Mutants that are tested at a time.
    """
    WORK.mkdir(parents=True, exist_ok=True)
    copies = [copy_project(WORK / f"copy-{number}") for number in range(workers)]
    covering = measure(copies[0], WORK / "covering", environment(copies[0]))
    sample = draw_sample(count, seed, read_equivalent())
    names = [_name(mutant) for mutant in sample.mutants]
    kept = read_results()
    missing = [mutant for mutant, name in zip(sample.mutants, names, strict=True) if name not in kept]
    print(f"{len(names)} mutants, of which {len(missing)} have no result yet.", flush=True)
    kept |= run_mutants(missing, covering, copies)
    outcomes = [(mutant, kept[name]) for mutant, name in zip(sample.mutants, names, strict=True)]
    check_sound({outcome.failed for _, outcome in outcomes if "::" in outcome.failed}, copies[:1])
    summary = Summary(outcomes, len(sample.left_out))
    for mutant, outcome in sorted(summary.survivors, key=lambda pair: (pair[0].file, pair[0].line)):
        print(f"{outcome.result} {_text(mutant)}")
    record_figure(f"Small faults in scoring, batch, backfill and score (seed {seed}), noticed", str(summary))
    return summary


def run_mutants(mutants: list[Mutant], covering: CoveringTests, copies: list[Path]) -> dict[str, Outcome]:
    """Test mutants, one at a time in each copy of the project, and keep each outcome at once."""
    found: dict[str, Outcome] = {}
    with _workers(copies) as pool:
        # Sources and tests may be edited meanwhile: names are computed first, and digests of tests in a copy.
        running = {
            pool.submit(_run_tests, covering.choose(mutant), SECONDS, mutant): (mutant, _name(mutant))
            for mutant in mutants
        }
        for done in as_completed(running):
            (mutant, name), outcome = running[done], done.result()
            found[name] = outcome
            tests = [_file(outcome.failed)] if "::" in outcome.failed else files_of_tests(copies[0])
            keep_result(name, digest_of(tests, copies[0]), mutant, outcome)
            print(f"{len(found)} {outcome.result} {outcome.seconds} s {_text(mutant)}", flush=True)
    return found


def check_sound(tests: set[str], copies: list[Path]) -> None:
    """Run the tests that noticed a mutant on the sound sources.

    Raises
    ------
    SystemExit
        If a test fails without any mutant, so that its results mean nothing.
    """
    if tests:
        with _workers(copies) as pool:
            # In the order of their files, so that fixtures of a file are set up once.
            outcome = pool.submit(_run_tests, dict.fromkeys(sorted(tests), 60.0), 1_800).result()
        if outcome.result != "survived":
            raise SystemExit(f"{outcome.failed or outcome.result}: fails without any mutant; fix it first.")


def _workers(copies: list[Path]) -> ProcessPoolExecutor:
    """Return a process for each copy of the project, with the packages in memory."""
    import_packages()
    context = multiprocessing.get_context("fork")
    free: SimpleQueue[Path] = context.SimpleQueue()
    for copy in copies:
        free.put(copy)
    return ProcessPoolExecutor(len(copies), context, _start_worker, (free,))


def _start_worker(free: SimpleQueue[Path]) -> None:
    global _tests
    copy = free.get()
    _tests = ForkedTests(copy, environment(copy))


def _run_tests(tests: dict[str, float], seconds: float, mutant: Mutant | None = None) -> Outcome:
    return _tests.run(tests, seconds, mutant.file if mutant else "", mutant.source if mutant else "")


def copy_project(target: Path) -> Path:
    """Bring a copy of the project up to date with the files that git knows."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    names = {name for name in listed.split("\0") if name and (ROOT / name).is_file()}
    for name in names:
        source, copy = ROOT / name, target / name
        if not (copy.is_file() and copy.read_bytes() == source.read_bytes()):
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(source.read_bytes())
    for old in target.rglob("*.py"):
        if str(old.relative_to(target)) not in names:
            old.unlink()
    return target


def environment(copy: Path) -> dict[str, str]:
    """Return variables by which every process that a test starts imports the copy."""
    return {
        "PYTHONPATH": str(copy),
        "OMP_NUM_THREADS": "1",
        # Models are trained by the sound sources once, not again for each mutant.
        "CHURN_TEST_CACHE": str(CACHE),
        "CHURN_TEST_DIGEST": source_digest(),
    }


def keep_result(name: str, tests: str, mutant: Mutant, outcome: Outcome) -> None:
    """Add an outcome to the kept results, with the digest of the tests that it depends on."""
    entry = {"mutant": name, "tests": tests, **asdict(outcome), "text": _text(mutant)}
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")


def read_results() -> dict[str, Outcome]:
    """Read the outcomes of earlier runs that still hold."""
    found: dict[str, Outcome] = {}
    if not RESULTS.exists():
        return found
    every_test = digest_of(files_of_tests())
    for line in RESULTS.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        if "::" in entry["failed"]:
            killer = _file(entry["failed"])
            holds = (ROOT / killer).exists() and entry["tests"] == digest_of([killer])
        else:
            holds = entry["tests"] == every_test
        found.pop(entry["mutant"], None)
        if holds:
            found[entry["mutant"]] = Outcome(entry["result"], entry["failed"], entry["seconds"])
    return found


def _file(test: str) -> str:
    return test.partition("::")[0]


def _name(mutant: Mutant) -> str:
    """Return a name that changes with the file, so that a kept result never belongs to another source."""
    return f"{mutant.file}@{digest_of([mutant.file])} {mutant.operator} {mutant.occurrence}"


def _text(mutant: Mutant) -> str:
    return f"{mutant.file}:{mutant.line}: {mutant.before}  ->  {mutant.after}"


if __name__ == "__main__":
    sys.exit(main())
