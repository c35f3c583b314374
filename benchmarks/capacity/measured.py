"""The figures that a run measures, and their file: everything else is computed from it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

MEASURED: Final = Path(__file__).with_name("measured.json")


@dataclass(frozen=True, slots=True)
class BatchRun:
    """Drops of one size, in the quickest of the rounds.

    Attributes
    ----------
    rows, input_bytes, output_bytes : int
    wall_seconds : float
        Of the warm invocation.
    download_seconds, score_seconds, upload_seconds : float
        Its phases, as the function tells them; S3 is on the same machine.
    reader_peak_mb : int
        Largest memory of the process that reads and scores, of all rounds.
    log_bytes : int
        What the function writes to its log for one object.
    """

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
    """The batch function in its template's memory.

    Attributes
    ----------
    memory_mb, timeout_seconds : int
        The template's.
    init_milliseconds : int
        From nothing to a function that can be invoked.
    rounds : int
    runs : list of BatchRun
        By size, the smallest first.
    """

    memory_mb: int
    timeout_seconds: int
    init_milliseconds: int
    rounds: int
    runs: list[BatchRun]

    @property
    def rows_per_second(self) -> float:
        """What a second more of scoring yields: the largest drop's rows beyond the smallest one's."""
        small, large = self.runs[0], self.runs[-1]
        return (large.rows - small.rows) / (large.score_seconds - small.score_seconds)

    @property
    def seconds_an_object(self) -> float:
        """What an object takes however small it is, its transfer left out."""
        small = self.runs[0]
        return small.wall_seconds - small.download_seconds - small.upload_seconds

    @property
    def bytes_a_row(self) -> float:
        """Compressed bytes of a row, read and written together."""
        large = self.runs[-1]
        return (large.input_bytes + large.output_bytes) / large.rows


@dataclass(frozen=True, slots=True)
class OnlineCalls:
    """Warm requests with so many customers.

    Attributes
    ----------
    customers, calls : int
    mean_milliseconds, median_milliseconds, p99_milliseconds : float
        Of the handler, as the emulator reports it.
    billed_milliseconds : float
        Mean of the durations, each rounded up to a whole millisecond as Lambda bills it.
    log_bytes, request_bytes, response_bytes : int
        Of one request.
    """

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
    """The score function in its template's memory.

    Attributes
    ----------
    memory_mb : int
        The template's.
    init_milliseconds : int
        Median of the starts.
    starts : int
    calls : list of OnlineCalls
        By customers.
    """

    memory_mb: int
    init_milliseconds: int
    starts: int
    calls: list[OnlineCalls]

    def with_customers(self, customers: int) -> OnlineCalls:
        """Return the figures for requests of one size."""
        (found,) = [calls for calls in self.calls if calls.customers == customers]
        return found


@dataclass(frozen=True, slots=True)
class PeerMeasurement:
    """pandas and a plain scikit-learn pipeline on a file, in one process.

    Attributes
    ----------
    rows, cores : int
    family : str
        Of the model; the quickest one there is.
    rows_per_second : int
        Best of the rounds.
    """

    rows: int
    cores: int
    family: str
    rows_per_second: int


@dataclass(frozen=True, slots=True)
class Measured:
    """One run.

    Attributes
    ----------
    command, date, machine : str
    load_at_start : float
        Of the machine, by what else ran on it (its load average over a minute).
    architecture : str
        Of the machine, in AWS's words.
    python : str
        Version under which the functions ran.
    family : str
        Of the model in both functions.
    """

    command: str
    date: str
    machine: str
    load_at_start: float
    architecture: str
    python: str
    family: str
    batch: BatchMeasurement
    online: OnlineMeasurement
    peer: PeerMeasurement

    def write(self, path: Path = MEASURED) -> None:
        """Write the file."""
        path.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")


def load_measured(path: Path = MEASURED) -> Measured:
    """Read the file that a run has written."""
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    batch, online = content.pop("batch"), content.pop("online")
    return Measured(
        **{name: value for name, value in content.items() if name != "peer"},
        batch=BatchMeasurement(**batch | {"runs": [BatchRun(**run) for run in batch["runs"]]}),
        online=OnlineMeasurement(**online | {"calls": [OnlineCalls(**calls) for calls in online["calls"]]}),
        peer=PeerMeasurement(**content["peer"]),
    )
