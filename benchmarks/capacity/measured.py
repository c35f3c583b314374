"""What a run measures, and its file; every figure of docs/cost.md is computed from it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter

MEASURED: Final = Path(__file__).with_name("measured.json")


@dataclass(frozen=True, slots=True)
class BatchRun:
    """The fastest warm invocation with a file of so many rows; the peak is that of all rounds."""

    rows: int
    input_bytes: int
    output_bytes: int
    wall_seconds: float
    download_seconds: float
    score_seconds: float
    upload_seconds: float
    reader_peak_mb: int
    log_bytes: int


@dataclass(frozen=True, slots=True)
class BatchMeasurement:
    """The batch function in its template's memory; `runs` are ordered by rows."""

    memory_mb: int
    timeout_seconds: int
    init_milliseconds: int
    rounds: int
    runs: list[BatchRun]

    @property
    def rows_per_second(self) -> float:
        """Additional rows for an additional second: the largest file compared with the smallest."""
        small, large = self.runs[0], self.runs[-1]
        return (large.rows - small.rows) / (large.score_seconds - small.score_seconds)

    @property
    def seconds_an_object(self) -> float:
        """Seconds that every object takes, however small, without its transfer."""
        small = self.runs[0]
        return small.wall_seconds - small.download_seconds - small.upload_seconds

    @property
    def bytes_a_row(self) -> float:
        """Compressed bytes of a row, input and output together."""
        large = self.runs[-1]
        return (large.input_bytes + large.output_bytes) / large.rows


@dataclass(frozen=True, slots=True)
class OnlineCalls:
    """Warm requests with so many customers; billed milliseconds are whole ones, as Lambda bills them."""

    customers: int
    calls: int
    mean_milliseconds: float
    median_milliseconds: float
    p99_milliseconds: float
    billed_milliseconds: float
    log_bytes: int
    request_bytes: int
    response_bytes: int


@dataclass(frozen=True, slots=True)
class OnlineMeasurement:
    """The score function in its template's memory; `init_milliseconds` is the median of the starts."""

    memory_mb: int
    init_milliseconds: int
    starts: int
    calls: list[OnlineCalls]


@dataclass(frozen=True, slots=True)
class Measured:
    """One run; `load_at_start` is the machine's load average before it."""

    command: str
    date: str
    machine: str
    load_at_start: float
    architecture: str
    python: str
    family: str
    batch: BatchMeasurement
    online: OnlineMeasurement

    def write(self, path: Path = MEASURED) -> None:
        """Write the file."""
        path.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")


def load_measured(path: Path = MEASURED) -> Measured:
    """Read the file that a run has written."""
    return TypeAdapter(Measured).validate_json(path.read_bytes())
