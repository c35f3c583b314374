"""Hundreds of millions of rows and more: one part an item of a Step Functions Distributed Map.

On paper: the template has no state machine. The batch function is the worker; each part is scored by one
child execution, simulated with AWS's default limits, and billed at list prices.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Final

import numpy as np

from benchmarks.capacity import prices, quotas
from benchmarks.capacity.bills import Line, function_lines, object_seconds, total
from benchmarks.capacity.simulation import Limits, Parts, closed_form, drawn_losses, drawn_rows, simulate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.capacity.measured import BatchMeasurement, Measured
    from benchmarks.capacity.simulation import Schedule

ROWS: Final = (10**8, 10**9, 10**10)
PART_ROWS: Final = 2_000_000
CONCURRENCIES: Final = (10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)
SEEDS: Final = 5
ATTEMPTS: Final = 5
_EXPRESS_GB: Final = 64 / 1_024
_EXPRESS_STEP: Final = 0.1
_TRANSITIONS_A_CHILD: Final = 2
"""The child's start and its task, in case the start counts too; each retry is one more."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What so many rows take; medians of the seeds.

    Attributes
    ----------
    rows, parts, concurrency : int
    seconds, ideal_seconds : float
        Wall clock: simulated, and by the closed form of equal parts, no faults, no limits but concurrency.
    dollars, express_dollars : float
        The bill with Standard children, and with Express ones.
    retries, environments : int
    """

    rows: int
    parts: int
    concurrency: int
    seconds: float
    ideal_seconds: float
    dollars: float
    express_dollars: float
    retries: int
    environments: int


def limits(concurrency: int) -> Limits:
    """Return AWS's default limits, the account's concurrency raised where more is asked for."""
    return Limits(
        concurrency=concurrency,
        start_burst=quotas.START_BURST.value,
        starts_per_second=quotas.STARTS_PER_SECOND.value,
        environments_at_once=quotas.ENVIRONMENTS_AT_ONCE.value,
        environments_per_second=quotas.ENVIRONMENTS_PER_SECOND.value,
    )


def draw_parts(batch: BatchMeasurement, rows: int, part_rows: int, seed: int) -> Parts:
    """Return parts whose sizes, speeds and faults are drawn from a seed.

    Parameters
    ----------
    batch : BatchMeasurement
    rows, part_rows : int
        Altogether, and of a part on average.
    seed : int
    """
    random = np.random.default_rng(seed)
    sizes = drawn_rows(rows, math.ceil(rows / part_rows), quotas.PART_SPREAD.value, random)
    sigma = math.sqrt(math.log1p(quotas.SPEED_SPREAD.value**2))
    speeds = random.lognormal(-(sigma**2) / 2, sigma, len(sizes))
    seconds = np.array([object_seconds(batch, size) for size in sizes.tolist()]) * speeds
    lost = drawn_losses(seconds, quotas.FAILURE_RATE.value, ATTEMPTS, random)
    return Parts(sizes, seconds, lost, quotas.BACKOFF_SECONDS.value)


def map_bill(batch: BatchMeasurement, schedule: Schedule, express: bool) -> list[Line]:
    """Return the bill of a schedule, on arm64 as the template has it.

    Parameters
    ----------
    batch : BatchMeasurement
    schedule : Schedule
    express : bool
        Whether the children are Express executions.
    """
    parts = len(schedule.ends)
    if express:
        steps = sum(
            math.ceil((end - start) / _EXPRESS_STEP)
            for start, end in zip(schedule.starts, schedule.ends, strict=True)
        )
        children = [
            Line("Step Functions, Express requests", parts, prices.EXPRESS_REQUEST),
            Line(
                "Step Functions, Express GB-seconds",
                steps * _EXPRESS_STEP * _EXPRESS_GB,
                prices.EXPRESS_GB_SECOND,
            ),
        ]
    else:
        transitions = parts * _TRANSITIONS_A_CHILD + schedule.attempts - parts
        children = [Line("Step Functions, state transitions", transitions, prices.TRANSITION)]
    return [
        *function_lines(batch, parts, schedule.attempts, schedule.busy_seconds, prices.LAMBDA_ARM),
        Line("EventBridge, events", parts, prices.EVENT),
        *children,
    ]


def outcomes(
    measured: Measured, rows: int, concurrencies: Sequence[int] = CONCURRENCIES, part_rows: int = PART_ROWS
) -> list[Outcome]:
    """Simulate so many rows at each concurrency, with the same parts and the same faults.

    Parameters
    ----------
    measured : Measured
    rows, part_rows : int
        Altogether, and of a part on average.
    concurrencies : sequence of int
    """
    batch = measured.batch
    cold = batch.init_milliseconds / 1_000
    draws = [draw_parts(batch, rows, part_rows, seed) for seed in range(SEEDS)]
    parts = len(draws[0].seconds)
    found = []
    for concurrency in concurrencies:
        schedules = [simulate(drawn, limits(concurrency), cold) for drawn in draws]
        found.append(
            Outcome(
                rows=rows,
                parts=parts,
                concurrency=concurrency,
                seconds=median(schedule.makespan for schedule in schedules),
                ideal_seconds=closed_form(parts, object_seconds(batch, rows / parts), concurrency, cold),
                dollars=median(total(map_bill(batch, schedule, express=False)) for schedule in schedules),
                express_dollars=median(
                    total(map_bill(batch, schedule, express=True)) for schedule in schedules
                ),
                retries=round(median(schedule.attempts - parts for schedule in schedules)),
                environments=round(median(schedule.environments for schedule in schedules)),
            )
        )
    return found
