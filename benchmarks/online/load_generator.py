"""Load from `wrk`, which keeps its connections open and times each request to the microsecond."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.local.tools import MissingToolError

_REPORT: Final = Path(__file__).with_name("wrk_report.lua")
_TIMEOUT_SECONDS: Final = 30


@dataclass(frozen=True, slots=True)
class Load:
    """One run of wrk, as ``wrk_report.lua`` prints it.

    Attributes
    ----------
    requests : int
        Requests with an answer.
    seconds : float
    failed : int
        Error statuses, timeouts, and connections that failed.
    p50, p99, longest : float
        Milliseconds from request to answer.
    """

    requests: int
    seconds: float
    failed: int
    p50: float
    p99: float
    longest: float

    @property
    def requests_per_second(self) -> float:
        """Throughput of the run."""
        return self.requests / self.seconds


def require_load_generator() -> None:
    """Raise MissingToolError if `wrk` is not installed."""
    if shutil.which("wrk") is None:
        raise MissingToolError("wrk is not on the PATH; install it (apt-get or brew install wrk).")


def run_load(url: str, body: Path, connections: int, seconds: int) -> Load:
    """Post the file `body` over each connection again and again for some seconds."""
    command = [
        *("wrk", "--threads", "1", "--connections", str(connections), "--duration", f"{seconds}s"),
        *("--timeout", f"{_TIMEOUT_SECONDS}s", "--script", str(_REPORT), url),
    ]
    variables = os.environ | {"BENCH_BODY": str(body)}
    found = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
    return Load(**json.loads(found.stdout.splitlines()[-1]))
