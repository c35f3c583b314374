"""The load: `wrk`, which keeps its connections and times each request to the microsecond."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_REPORT: Final = Path(__file__).with_name("wrk_report.lua")
_LONGEST_SECONDS: Final = 30


class NoLoadGeneratorError(Exception):
    """`wrk` is not installed; the message says how to install it."""


@dataclass(frozen=True, slots=True)
class Load:
    """What one run of the load found.

    Attributes
    ----------
    requests : int
        Answered in time.
    failed : int
        Answered with an error status, not answered, or refused a connection.
    requests_per_second : float
    p50, p99, longest : float
        Milliseconds from request to answer.
    """

    requests: int
    failed: int
    requests_per_second: float
    p50: float
    p99: float
    longest: float


def require_load_generator() -> None:
    """Refuse to start without the load generator.

    Raises
    ------
    NoLoadGeneratorError
        If there is none.
    """
    if shutil.which("wrk") is None:
        raise NoLoadGeneratorError(
            "wrk, which makes the load, is not on the PATH; install it (apt-get or brew install wrk)."
        )


def run_load(url: str, body: Path, connections: int, seconds: int) -> Load:
    """Send the same request over so many connections, each sending the next when it has its answer.

    Parameters
    ----------
    url : str
    body : Path
        File with the request's body.
    connections, seconds : int
    """
    found = subprocess.run(
        [
            *("wrk", "--threads", "1", "--connections", str(connections), "--duration", f"{seconds}s"),
            *("--timeout", f"{_LONGEST_SECONDS}s", "--script", _REPORT, url),
        ],
        env=os.environ | {"BENCH_BODY": str(body)},
        capture_output=True,
        text=True,
        check=True,
    )
    report = json.loads(found.stdout.splitlines()[-1])
    return Load(
        requests=report["requests"],
        failed=report["failed"],
        requests_per_second=report["requests"] / report["seconds"],
        p50=report["p50"],
        p99=report["p99"],
        longest=report["longest"],
    )
