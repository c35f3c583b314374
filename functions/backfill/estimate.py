"""Estimate the rows, time and price of a run before it begins."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from churn_core.scoring.parquet.thrift_compact import ThriftError
from functions.backfill.results import THREADS
from functions.shared.storage import version_arguments

if TYPE_CHECKING:
    from functions.backfill.plan import Plan
    from functions.backfill.storage import BackfillStorage
    from functions.shared.objects import InputObject

# Measured for docs/cost.md (`make bench-capacity`): the batch function with the default model, limited to
# Lambda's memory and processor. Lambda gives one processor with `MEMORY_OF_A_PROCESSOR` MB.
ROWS_PER_SECOND: Final = 630_000
SECONDS_PER_PART: Final = 0.4
MEMORY_OF_A_PROCESSOR: Final = 1769
# Assumptions, the same as in docs/cost.md: transfer between S3 and one function, and small requests.
BYTES_PER_SECOND: Final = 60e6
SECONDS_PER_REQUEST: Final = 0.1
_OUTPUT_BYTES_PER_ROW: Final = 17  # Measured.
_REQUESTS_PER_PART: Final = 5

# List prices in US dollars, region us-east-1, without free tier; other regions differ.
DOLLARS_PER_GB_SECOND: Final = 0.0000133334  # Lambda on arm64
DOLLARS_PER_CALL: Final = 0.20 / 1e6  # Lambda
DOLLARS_PER_TRANSITION: Final = 0.025 / 1_000  # Step Functions, standard workflows
DOLLARS_PER_PUT: Final = 0.005 / 1_000  # S3
DOLLARS_PER_GET: Final = 0.0004 / 1_000  # S3

_TRANSITIONS_PER_PART: Final = 2
_PUTS_PER_PART: Final = 1
_GETS_PER_PART: Final = (
    4  # Three by the batch function (its output, the input twice), one by the step `finish`.
)
_SAMPLED_PARTS: Final = 64
_LARGEST_FOOTER: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Estimate:
    """Expected rows, time and price of a run.

    Attributes
    ----------
    rows : int or None
        None if no sampled part has a readable footer.
    looked_at : int
        Sampled parts: their footers were read. The rows of the others are estimated from their size.
    unreadable : int
        Sampled parts without a readable Parquet footer.
    seconds, dollars : float or None
        With this run's concurrency.
    """

    rows: int | None
    looked_at: int
    unreadable: int
    seconds: float | None
    dollars: float | None


def estimate(storage: BackfillStorage, plan: Plan, concurrency: int | float, memory_mb: int) -> Estimate:
    """Estimate a run from the footers of at most 64 of its parts, evenly spread.

    Raises
    ------
    NotScoredError
        If a request to S3 fails.
    """
    step = max(1, -(-len(plan.parts) // _SAMPLED_PARTS))
    sample = plan.parts[::step]
    with ThreadPoolExecutor(THREADS) as pool:
        rows = list(pool.map(lambda part: _rows(storage, part), sample))
    known = [number for number in rows if number is not None]
    unreadable = len(sample) - len(known)
    if not known:
        return Estimate(None, len(sample), unreadable, None, None)
    # Unreadable parts count as empty, and parts outside the sample as similar to the sample.
    total = round(sum(known) * plan.size / sum(part.size for part in sample))
    processors = memory_mb / MEMORY_OF_A_PROCESSOR
    computing = len(plan.parts) * SECONDS_PER_PART + total / ROWS_PER_SECOND
    moving = (plan.size + total * _OUTPUT_BYTES_PER_ROW) / BYTES_PER_SECOND
    waiting = len(plan.parts) * _REQUESTS_PER_PART * SECONDS_PER_REQUEST
    seconds = computing / processors + moving + waiting
    dollars = seconds * memory_mb / 1024 * DOLLARS_PER_GB_SECOND + len(plan.parts) * (
        DOLLARS_PER_CALL
        + _TRANSITIONS_PER_PART * DOLLARS_PER_TRANSITION
        + _PUTS_PER_PART * DOLLARS_PER_PUT
        + _GETS_PER_PART * DOLLARS_PER_GET
    )
    at_once = min(concurrency, len(plan.parts))
    return Estimate(total, len(sample), unreadable, round(seconds / at_once, 1), round(dollars, 4))


def _rows(storage: BackfillStorage, part: InputObject) -> int | None:
    """Return the number of rows in a part's footer; None if the footer can't be read."""
    try:
        found = storage.read_footer(version_arguments(part), _LARGEST_FOOTER)
    except ThriftError:
        return None
    rows = -1 if found is None else found[0].rows
    return rows if rows >= 0 else None
