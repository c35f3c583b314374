"""Compare the online API with other servers: cold start, time in the handler, requests over HTTP.

    make bench-online

Contenders take turns on one machine, round after round, so read the ratios. README.md in this folder
explains each figure; results.md has the results of the last complete run.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.online import report
from benchmarks.online.cold_start import measure_cold_start
from benchmarks.online.handler_time import measure_handler
from benchmarks.online.http_load import measure_many_clients, measure_peers
from benchmarks.online.load_generator import require_load_generator
from benchmarks.online.running_server import ServerFailedError
from benchmarks.trained_model import write_model_and_customers
from infra.local.function_build import BuildError
from infra.local.tools import MissingToolError, find_tools

if TYPE_CHECKING:
    from collections.abc import Callable

RESULTS: Final = Path(__file__).with_name("results.md")
PARTS: Final = ("cold", "handler", "peers", "clients")


def main() -> int:
    """Measure the chosen parts and print the results; a complete run also writes results.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"any of {', '.join(PARTS)} (default: all)")
    parser.add_argument("--family", default="additive", help="model family (default additive)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each contender (default 5)")
    parser.add_argument("--model", type=Path, help="folder to keep the trained model in, for the next run")
    options = parser.parse_args()
    parts = options.parts or list(PARTS)
    if unknown := set(parts) - set(PARTS):
        parser.error(f"unknown part: {', '.join(sorted(unknown))}; choose from {', '.join(PARTS)}")
    try:
        # Check the tools first: a run takes minutes.
        if {"peers", "clients"} & set(parts):
            require_load_generator()
        if "cold" in parts:
            find_tools()
        with tempfile.TemporaryDirectory(prefix="churn-bench-", ignore_cleanup_errors=True) as name:
            text = _measure(parts, options, Path(name))
    except (BuildError, MissingToolError, ServerFailedError) as error:
        print(error, file=sys.stderr)
        return 1
    print(text)
    if set(parts) == set(PARTS):
        RESULTS.write_text(text, encoding="utf-8")
    return 0


def _measure(parts: list[str], options: argparse.Namespace, work: Path) -> str:
    model = write_model_and_customers(options.model or work / "model", options.family)
    rounds = options.rounds
    sections: dict[str, Callable[[], str]] = {
        "cold": lambda: report.cold_start_section(*measure_cold_start(model.bundle, rounds)),
        "handler": lambda: report.handler_section(measure_handler(model, rounds)),
        "peers": lambda: report.peers_section(measure_peers(model, work / "servers", rounds)),
        "clients": lambda: report.many_clients_section(measure_many_clients(model, work / "alone")),
    }
    texts = [report.heading(options.family)]
    for part in PARTS:
        if part in parts:
            print(f"Measuring: {part} ...", flush=True)
            texts.append(sections[part]())
    return "\n\n".join(texts) + "\n"


if __name__ == "__main__":
    sys.exit(main())
