"""The tables of what outgrows one function, as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks.capacity import bounds, fan_out, others
from benchmarks.capacity.markdown import dollars, duration, power, table

if TYPE_CHECKING:
    from benchmarks.capacity.measured import Measured

CPUS: Final = 1_000
"""As many parts at a time as an account may have by default, and as many vCPUs for the others."""
PART_SIZES: Final = (500_000, 1_000_000, 2_000_000, 5_000_000, 10_000_000)


def one_function(measured: Measured) -> str:
    """Return what fits into one invocation."""
    rows = [[bound.name, f"{bound.at / 1e6:,.0f} million"] for bound in bounds.largest_object(measured.batch)]
    return table(["limit of one object", "met at rows"], rows)


def first_limits(measured: Measured) -> str:
    """Return at how many parts at a time each limit binds."""
    rows = [[bound.name, f"{bound.at:,.0f}"] for bound in bounds.parts_at_a_time(measured.batch)]
    return table(["limit of many parts", f"binds at parts of {fan_out.PART_ROWS:,} rows at a time"], rows)


def fan_out_compared(measured: Measured) -> str:
    """Return what many rows take, here and elsewhere, with as many vCPUs."""
    rows = []
    for count in fan_out.ROWS:
        (found,) = fan_out.outcomes(measured, count, [CPUS])
        cpus = min(CPUS, found.parts)
        rows.append(
            [
                power(count),
                "Distributed Map, Standard children",
                f"{cpus:,}",
                duration(found.seconds),
                dollars(found.dollars),
            ]
        )
        rows.append(["", "the same, Express children", "", "", dollars(found.express_dollars)])
        elsewhere = (others.spark(measured, count, cpus), others.batch_transform(measured, count, cpus))
        rows += [
            ["", other.name, f"{other.cpus:,}", duration(other.seconds), dollars(other.dollars)]
            for other in elsewhere
        ]
    return table(["rows", "by", "vCPUs", "takes", "costs"], rows)


def fan_out_grid(measured: Measured) -> str:
    """Return every point of the simulation."""
    rows = [
        [
            power(found.rows),
            f"{found.parts:,}",
            f"{found.concurrency:,}",
            f"{found.environments:,}",
            f"{found.retries:,}",
            f"{found.seconds:,.1f}",
            f"{found.ideal_seconds:,.1f}",
            dollars(found.dollars),
            dollars(found.express_dollars),
        ]
        for count in fan_out.ROWS
        for found in fan_out.outcomes(measured, count)
    ]
    head = [
        "rows",
        "parts",
        "at a time",
        "environments",
        "retries",
        "seconds",
        "closed form, s",
        "Standard",
        "Express",
    ]
    return table(head, rows)


def part_sizes(measured: Measured) -> str:
    """Return how the size of the parts changes what the most rows take."""
    rows = []
    for size in PART_SIZES:
        (found,) = fan_out.outcomes(measured, fan_out.ROWS[-1], [CPUS], size)
        rows.append(
            [
                f"{size:,}",
                f"{found.parts:,}",
                duration(found.seconds),
                dollars(found.dollars),
                dollars(found.express_dollars),
            ]
        )
    return table(["rows a part", "parts", "takes", "Standard children", "Express children"], rows)
