"""Write the outputs that README and the docs show.

Usage: ``python -m tests.e2e.console_blocks [--write] [PAGE ...]``. Without ``--write`` it lists the commands
whose output differs from the one shown, and ends with 1 if there are any. `tests/e2e/test_readme.py` compares
the same on every run of the suite.
"""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from churn_core.config import load_config, parse_config
from churn_core.data import generate_sample_data
from tests.e2e.page_blocks import ROOT, Step, agrees, updated
from tests.e2e.page_session import SAMPLE_PAGES, TOUR, PageSession
from tests.trained_once import CACHE, TrainedOnce, source_digest

SAMPLE_TRAINING_ROWS, SAMPLE_SEED = 3_000, 11
"""The table of `tests/conftest.py`, whose model the tests of these pages use."""


def main() -> int:
    """Run the pages and compare or write what they show."""
    parser = argparse.ArgumentParser(prog="console_blocks", description=__doc__)
    parser.add_argument("pages", nargs="*", default=[*TOUR, *SAMPLE_PAGES], help="default: all")
    parser.add_argument("--write", action="store_true", help="write the real outputs to the pages")
    options = parser.parse_args()
    failures = 0
    with ExitStack() as sessions:
        tour = _session(sessions)
        bundle = None
        for page in [*TOUR, *SAMPLE_PAGES]:
            if page in TOUR:
                results = tour.run_page(page) if set(TOUR[TOUR.index(page) :]) & set(options.pages) else []
            elif page in options.pages:
                bundle = bundle or _sample_bundle(sessions)
                with ExitStack() as own:
                    session = _session(own)
                    session.provide(bundle)
                    results = session.run_page(page)
            else:
                continue
            if page in options.pages:
                failures += _write(page, results) if options.write else _compare(page, results)
    return min(failures, 1)


def _session(stack: ExitStack) -> PageSession:
    return stack.enter_context(PageSession(Path(stack.enter_context(TemporaryDirectory()))))


def _sample_bundle(stack: ExitStack) -> Path:
    content = load_config().model_dump()
    content |= {"evaluation": {"folds": 3, "repeats": 1}, "model": {"type": "logistic_regression"}}
    table = generate_sample_data(SAMPLE_TRAINING_ROWS, seed=SAMPLE_SEED)
    folder = Path(stack.enter_context(TemporaryDirectory())) / "churn"
    return TrainedOnce(CACHE, source_digest()).bundle(parse_config(content), table, folder)


def _compare(page: str, results: list[tuple[Step, str]]) -> int:
    differing = [(step, output) for step, output in results if not agrees(step.shown, output)]
    for step, output in differing:
        print(f"{page}: {step.command}\n--- shown\n{step.shown}\n--- real\n{output}\n")
    return len(differing)


def _write(page: str, results: list[tuple[Step, str]]) -> int:
    path = ROOT / page
    text, failures = path.read_text(encoding="utf-8"), 0
    # From the end, so that the places of earlier outputs stay right.
    for step, output in reversed(results):
        try:
            new = updated(step.shown, output)
        except ValueError as error:
            print(f"{page}: {step.command}: {error}; edit it by hand.\n--- real\n{output}")
            failures += 1
            continue
        start, end = step.span
        # A script without a block for its output prints nothing.
        if step.kind == "console" or text[:start].endswith("```text\n"):
            text = text[:start] + (f"{new}\n" if new else "") + text[end:]
    path.write_text(text, encoding="utf-8")
    return failures


if __name__ == "__main__":
    # As tests/conftest.py does.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.exit(main())
