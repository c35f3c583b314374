"""Which limit binds first: of one function on one object, and of many at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchmarks.capacity import quotas
from benchmarks.capacity.bills import object_seconds
from benchmarks.capacity.fan_out import PART_ROWS

if TYPE_CHECKING:
    from benchmarks.capacity.measured import BatchMeasurement

RESERVED_SECONDS: Final = 20
"""Of each invocation, kept for writing the output (functions/batch/object_job.py)."""
OBJECT_BYTES: Final = 2 * 1024**3
DISK_BYTES: Final = 5_120 * 1024**2
MAX_ROWS: Final = 200_000_000
_READS_A_PART: Final = 3


@dataclass(frozen=True, slots=True)
class Bound:
    """A limit, and where it is met.

    Attributes
    ----------
    name : str
    at : float
        Rows of one object, or parts at a time.
    """

    name: str
    at: float


def largest_object(batch: BatchMeasurement) -> list[Bound]:
    """Return how many rows of the sample's width fit by each limit of one invocation, the tightest first."""
    large = batch.runs[-1]
    at_rest = object_seconds(batch, 0)
    a_row = object_seconds(batch, 1) - at_rest
    found = [
        Bound(
            f"the function's timeout, {batch.timeout_seconds} s less {RESERVED_SECONDS} s",
            (batch.timeout_seconds - RESERVED_SECONDS - at_rest) / a_row,
        ),
        Bound("`MaxObjectBytes`, 2 GiB", OBJECT_BYTES / (large.input_bytes / large.rows)),
        Bound("/tmp, 5,120 MB for input and output", DISK_BYTES / batch.bytes_a_row),
        Bound("`MaxRows`", MAX_ROWS),
    ]
    return sorted(found, key=lambda bound: bound.at)


def parts_at_a_time(batch: BatchMeasurement, part_rows: int = PART_ROWS) -> list[Bound]:
    """Return at how many parts at a time each limit binds, the tightest first.

    A rate binds where parts that take their seconds each begin and end as often as it allows.
    """
    seconds = object_seconds(batch, part_rows)
    found = [
        Bound("Lambda's concurrency in an account", quotas.ACCOUNT_CONCURRENCY.value),
        Bound("new environments at once", quotas.ENVIRONMENTS_AT_ONCE.value),
        Bound("starts of child executions", quotas.STARTS_PER_SECOND.value * seconds),
        Bound("GET and HEAD of one prefix in S3", quotas.S3_READS.value * seconds / _READS_A_PART),
        Bound("PUT of one prefix in S3", quotas.S3_WRITES.value * seconds),
        Bound("child executions of a map", quotas.MAP_CONCURRENCY.value),
    ]
    return sorted(found, key=lambda bound: bound.at)
