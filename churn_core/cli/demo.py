"""``make demo``: the way from a table to scores, each step with the ordinary command."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from churn_core.cli import FAULT, main
from churn_core.cli.output import report_error
from churn_core.config import OWN_CONFIG, sample_config_path
from churn_core.data.loading import table_records
from churn_core.errors import ChurnError
from churn_core.scoring.bundle import load_bundle
from churn_core.scoring.files.complete_file import complete_file

if TYPE_CHECKING:
    from collections.abc import Sequence

SAMPLE_ROWS = 8_000
MANY_ROWS = 1_000_000


class StepFailedError(Exception):
    """A command of the demo failed with this exit code and has already printed the reason."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(f"exit code {exit_code}")
        self.exit_code = exit_code


def run_demo(arguments: Sequence[str]) -> int:
    """Run the demo and return its exit code.

    Parameters
    ----------
    arguments : sequence of str
        Optionally a labelled table, and ``--config`` with its configuration.
    """
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("data", nargs="?", type=Path, help="a labelled table of your own (.csv or .parquet)")
    parser.add_argument("--config", help="its configuration (default config/config.yaml)")
    parser.add_argument("--folder", type=Path, default=Path("data"), help="folder for tables and scores")
    parser.add_argument("--model", type=Path, default=Path("models/churn"), help="folder for the bundle")
    options = parser.parse_args(arguments)
    started = time.monotonic()
    try:
        options.folder.mkdir(parents=True, exist_ok=True)
        if options.data is None:
            _sample_run(options)
        else:
            _own_run(options)
    except StepFailedError as failed:
        return failed.exit_code
    except ChurnError as error:
        report_error(error, as_json=False)
        return FAULT
    print(
        f"\nDone in {time.monotonic() - started:.0f} s. The model's report: {options.model / 'report.html'}"
    )
    return 0


def _sample_run(options: argparse.Namespace) -> None:
    customers, many = options.folder / "customers.parquet", options.folder / "many.parquet"
    fresh, scores = options.folder / "fresh.parquet", options.folder / "scores.parquet"
    _say("Generate sample customers of a telephone company.")
    _churn("generate", customers, "--rows", SAMPLE_ROWS, "--seed", 1)
    _train(options, customers)
    _say("Evaluate the bundle on new customers.")
    _churn("generate", fresh, "--rows", SAMPLE_ROWS, "--seed", 2)
    _churn("evaluate", fresh, "--model", options.model)
    _predict_one(options, fresh)
    _say("Score a million customers, from Parquet to Parquet.")
    _churn("generate", many, "--rows", MANY_ROWS, "--seed", 3)
    _score(options, many, scores)
    _say(_next_step(options))


def _own_run(options: argparse.Namespace) -> None:
    _train(options, options.data)
    _predict_one(options, options.data)
    _say("Score every customer of the table.")
    _score(options, options.data, options.folder / "scores.parquet")
    _say(_next_step(options))


def _next_step(options: argparse.Namespace) -> str:
    words = [str(Path(sys.executable).with_name("churn")), "serve", "--model", str(options.model)]
    return f"Next, start the API and a page for trying customers: {shlex.join(words)}"


def _train(options: argparse.Namespace, table: Path) -> None:
    configured = ["--config", options.config] if options.config else []
    if options.data is None and not options.config and OWN_CONFIG.is_file():
        # A configuration of another table lies in the working directory.
        configured = ["--config", sample_config_path()]
    _say("Check the table against the data contract.")
    _churn("validate", table, *configured)
    _say("Train, measure, export to ONNX, and check that the export agrees with scikit-learn.")
    _churn("train", table, *configured, "--out", options.model)


def _predict_one(options: argparse.Namespace, table: Path) -> None:
    record = table_records(table, load_bundle(options.model).contract)[0]
    one = options.folder / "one.json"
    reads = [table, options.model, *([Path(options.config)] if options.config else [])]
    with complete_file(one, reads=reads) as unfinished:
        unfinished.write_text(json.dumps(record, indent=1, ensure_ascii=False), encoding="utf-8")
    _say(f"Score the first customer, as JSON in {one}, with the reasons.")
    _churn("predict", one, "--model", options.model)


def _score(options: argparse.Namespace, table: Path, scores: Path) -> None:
    _churn("score", table, scores, "--model", options.model)


def _say(text: str) -> None:
    print(f"\n== {text}", flush=True)


def _churn(*arguments: Any) -> None:
    words = [str(argument) for argument in arguments]
    print(f"$ churn {shlex.join(words)}", flush=True)
    exit_code = main(words)
    sys.stdout.flush()
    if exit_code:
        raise StepFailedError(exit_code)


if __name__ == "__main__":
    sys.exit(run_demo(sys.argv[1:]))
