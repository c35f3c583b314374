"""How many rows a run will score, how long it will take and what it will cost, before it begins."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from churn_core.scoring.parquet.footer import footer_length, read_footer
from churn_core.scoring.parquet.thrift_compact import ThriftError
from functions.backfill.results import THREADS

if TYPE_CHECKING:
    from functions.backfill.plan import Plan
    from functions.backfill.storage import BackfillStorage
    from functions.shared.objects import InputObject

# Measured for docs/cost.md (`make bench-capacity`): the batch function inside Lambda's memory and processor,
# by the default model. One processor comes with `MEMORY_OF_A_PROCESSOR` MB.
ROWS_PER_SECOND: Final = 630_000
SECONDS_PER_PART: Final = 0.4
MEMORY_OF_A_PROCESSOR: Final = 1769
# Assumed, as docs/cost.md does: S3 to and from one function, and its answers to small requests.
BYTES_PER_SECOND: Final = 60e6
SECONDS_PER_REQUEST: Final = 0.1
_OUTPUT_BYTES_PER_ROW: Final = 17  # Measured, too.
_REQUESTS_PER_PART: Final = 5

# List prices in US dollars of AWS's region us-east-1, without any free tier; other regions differ.
DOLLARS_PER_GB_SECOND: Final = 0.0000133334  # Lambda on arm64
DOLLARS_PER_CALL: Final = 0.20 / 1e6  # Lambda
DOLLARS_PER_TRANSITION: Final = 0.025 / 1_000  # Step Functions, standard workflows
DOLLARS_PER_PUT: Final = 0.005 / 1_000  # S3
DOLLARS_PER_GET: Final = 0.0004 / 1_000  # S3

_TRANSITIONS_PER_PART: Final = 2
_PUTS_PER_PART: Final = 1
_GETS_PER_PART: Final = 4  # Two of the worker's, its look at the output, and the finisher's.
_SAMPLED_PARTS: Final = 64
_LARGEST_FOOTER: Final = 1024 * 1024
_END_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run is expected to take.

    Attributes
    ----------
    rows : int or None
        None where no part that was looked at tells its rows.
    looked_at : int
        Parts whose footers were read; the rows of the others follow from their size.
    unreadable : int
        Of those, parts that are no Parquet, as far as their ends show.
    seconds, dollars : float or None
        At this run's concurrency.
    """

    rows: int | None
    looked_at: int
    unreadable: int
    seconds: float | None
    dollars: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON types."""
        return asdict(self)


def estimate(storage: BackfillStorage, plan: Plan, concurrency: int | float, memory_mb: int) -> Estimate:
    """Estimate a run by the footers of its parts, of all or of some of them, evenly spread.

    Raises
    ------
    NotScoredError
        If S3 can't be asked.
    """
    step = max(1, -(-len(plan.parts) // _SAMPLED_PARTS))
    sample = plan.parts[::step]
    with ThreadPoolExecutor(THREADS) as pool:
        rows = list(pool.map(lambda part: _rows(storage, part), sample))
    told = [(part.size, number) for part, number in zip(sample, rows, strict=True) if number is not None]
    unreadable = len(sample) - len(told)
    if not told:
        return Estimate(None, len(sample), unreadable, None, None)
    # Of parts without a footer no row is expected; what was not looked at is taken to be like the rest.
    total = round(sum(number for _, number in told) * plan.size / sum(part.size for part in sample))
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
    """Return the rows that a part's footer tells; None where it has none that can be read."""
    tail = storage.input_tail(part)
    if tail is None:
        return None
    try:
        length = footer_length(tail.content) + _END_BYTES
        if length > _LARGEST_FOOTER:
            return None
        if length > len(tail.content):
            tail = storage.input_tail(part, length)
            if tail is None:
                return None
        rows = read_footer(tail.content[-length:-_END_BYTES]).rows
    except ThriftError:
        return None
    return rows if rows >= 0 else None
