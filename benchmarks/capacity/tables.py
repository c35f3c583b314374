"""The tables of the pages, as Markdown, by the name of the block that holds each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks.capacity import bills, growth_tables, prices, quotas
from benchmarks.capacity.bills import total
from benchmarks.capacity.markdown import dollars, table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.capacity.bills import Line
    from benchmarks.capacity.measured import Measured
    from benchmarks.capacity.quotas import Quantity

SIZES_ONLINE: Final = (1, 100, 1_000)
ROWS_AN_OBJECT: Final = (10_000, 100_000, 1_000_000, 10_000_000)
_UNVERIFIED: Final = "from general knowledge; check before you rely on it"


def measured_batch(measured: Measured) -> str:
    """Return what drops of each size took."""
    rows = [
        [
            f"{run.rows:,}",
            f"{run.input_bytes:,}",
            f"{run.wall_seconds:.2f}",
            f"{run.score_seconds:.2f}",
            f"{run.rows / run.wall_seconds:,.0f}",
            f"{run.reader_peak_mb}",
        ]
        for run in measured.batch.runs
    ]
    head = ["rows", "bytes", "invocation, s", "of it scoring, s", "rows/s", "reader at most, MB"]
    return table(head, rows)


def measured_online(measured: Measured) -> str:
    """Return what warm requests took."""
    rows = [
        [
            f"{calls.customers:,}",
            f"{calls.median_milliseconds:.2f}",
            f"{calls.mean_milliseconds:.2f}",
            f"{calls.p99_milliseconds:.1f}",
            f"{calls.billed_milliseconds:.2f}",
            f"{calls.log_bytes:,}",
        ]
        for calls in measured.online.calls
    ]
    head = ["customers", "median, ms", "mean, ms", "p99, ms", "billed on average, ms", "bytes of log"]
    return table(head, rows)


def _lines(bill: Sequence[Line]) -> list[list[str]]:
    return [
        [
            line.what,
            f"{line.quantity:,.0f}" if line.quantity >= 100 else f"{line.quantity:,.3g}",
            f"${line.price.dollars:.10f}".rstrip("0").rstrip(".") + f" a {line.price.unit}",
            dollars(line.dollars),
        ]
        for line in bill
    ]


def _bill_table(bill: Sequence[Line]) -> str:
    rows = [*_lines(bill), ["**in all**", "", "", f"**{dollars(total(bill))}**"]]
    return table(["line", "quantity", "list price", "dollars"], rows)


def online_bill(measured: Measured) -> str:
    """Return the bill of a million single predictions."""
    return _bill_table(bills.online_bill(measured, 1, prices.LAMBDA_ARM))


def online_compared(measured: Measured) -> str:
    """Return a million predictions by size of request, here and elsewhere."""
    rows = []
    for customers in SIZES_ONLINE:
        arm, x86 = (
            bills.online_bill(measured, customers, price) for price in (prices.LAMBDA_ARM, prices.LAMBDA_X86)
        )
        function_alone = [line for line in arm if line.price is not prices.API_REQUEST]
        rows.append(
            [
                f"{customers:,}",
                dollars(total(arm)),
                dollars(total(x86)),
                dollars(total(function_alone)),
                dollars(total(bills.sagemaker_bill(measured, customers))),
                dollars(total(bills.container_requests(measured, customers))),
            ]
        )
    head = [
        "customers a request",
        "this stack, arm64",
        "x86_64",
        "arm64 without API Gateway",
        "SageMaker Serverless",
        "container, beside its month",
    ]
    return table(head, rows)


def break_even(measured: Measured) -> str:
    """Return the container's month, and from which load on it is cheaper."""
    month = bills.container_month()
    rows = []
    for customers in SIZES_ONLINE:
        millions = bills.break_even_millions(measured, customers, prices.LAMBDA_ARM)
        rate = bills.container_predictions_per_second(measured, customers)
        rows.append(
            [
                f"{customers:,}",
                f"{millions:,.1f} million" if millions else "never",
                f"{millions * bills.MILLION / bills.MONTH_SECONDS:,.1f}" if millions else "",
                f"{rate:,.0f}",
            ]
        )
    head = [
        "customers a request",
        "predictions a month from which on the container is cheaper",
        "that a second, all month",
        "predictions a second that 0.5 vCPU could answer",
    ]
    return f"{_bill_table(month)}\n\n{table(head, rows)}"


def drops_bill(measured: Measured) -> str:
    """Return the bill of a million rows in one object."""
    return _bill_table(bills.drops_bill(measured, bills.MILLION, prices.LAMBDA_ARM))


def drops_compared(measured: Measured) -> str:
    """Return a million rows by size of object."""
    rows = [
        [
            f"{size:,}",
            f"{bills.object_seconds(measured.batch, size):.1f}",
            dollars(total(bills.drops_bill(measured, size, prices.LAMBDA_ARM))),
            dollars(total(bills.drops_bill(measured, size, prices.LAMBDA_X86))),
        ]
        for size in ROWS_AN_OBJECT
    ]
    return table(["rows an object", "seconds an object", "a million rows, arm64", "x86_64"], rows)


def if_otherwise(measured: Measured) -> str:
    """Return what a million rows in one object take if AWS is not as assumed."""
    batch, rows = measured.batch, bills.MILLION
    cases = {
        "as reckoned": bills.object_seconds(batch, rows),
        "S3 at 90 MB/s": bills.object_seconds(batch, rows, megabytes_per_second=90),
        "S3 at 30 MB/s": bills.object_seconds(batch, rows, megabytes_per_second=30),
        "a vCPU half as quick as the measured one": bills.object_seconds(batch, rows, slowdown=2),
    }
    found = [
        [name, f"{seconds:.1f}", dollars(total(bills.drops_bill(measured, rows, prices.LAMBDA_ARM, seconds)))]
        for name, seconds in cases.items()
    ]
    return table(["if", "seconds an object", "a million rows, arm64"], found)


def summary(measured: Measured) -> str:
    """Return the bills in short: this stack, a serverless endpoint and an always-on container."""
    month = total(bills.container_month())
    rows = [["an always-on container's month", "", "", dollars(month)]]
    for customers, name in (
        (1, "a million predictions, one a request"),
        (1_000, "the same, 1,000 a request"),
    ):
        bill = bills.online_bill(measured, customers, prices.LAMBDA_ARM)
        gateway = sum(line.dollars for line in bill if line.price is prices.API_REQUEST)
        rows.append(
            [
                name,
                f"{dollars(total(bill))}, of it API Gateway {dollars(gateway)}",
                dollars(total(bills.sagemaker_bill(measured, customers))),
                dollars(total(bills.container_requests(measured, customers))),
            ]
        )
    drop = dollars(total(bills.drops_bill(measured, bills.MILLION, prices.LAMBDA_ARM)))
    rows.append(["a million rows in batch, one object", drop, "", ""])
    head = ["what", "this stack", "SageMaker Serverless, no gateway", "container, beside its month"]
    return table(head, rows)


def price_list(_: Measured) -> str:
    """Return the prices with their sources."""
    rows = [
        [
            price.name,
            f"${price.dollars:.10f}".rstrip("0").rstrip(".") + f" a {price.unit}",
            price.page,
            price.seen or _UNVERIFIED,
        ]
        for price in prices.PRICES
    ]
    return table(["price", "dollars", "AWS's page", "read in"], rows)


def _quantities(quantities: Sequence[Quantity]) -> str:
    rows = [[found.name, f"{found.value:,g} {found.unit}".strip(), found.source] for found in quantities]
    return table(["what", "value", "source"], rows)


def quota_list(_: Measured) -> str:
    """Return AWS's limits."""
    return _quantities(quotas.QUOTAS)


def assumption_list(_: Measured) -> str:
    """Return what is assumed."""
    return _quantities(quotas.ASSUMPTIONS)


TABLES: Final[dict[str, Callable[[Measured], str]]] = {
    "measured-batch": measured_batch,
    "measured-online": measured_online,
    "online-bill": online_bill,
    "online-compared": online_compared,
    "break-even": break_even,
    "drops-bill": drops_bill,
    "drops-compared": drops_compared,
    "if-otherwise": if_otherwise,
    "one-function": growth_tables.one_function,
    "first-limits": growth_tables.first_limits,
    "fan-out": growth_tables.fan_out_compared,
    "part-sizes": growth_tables.part_sizes,
    "fan-out-grid": growth_tables.fan_out_grid,
    "summary": summary,
    "prices": price_list,
    "quotas": quota_list,
    "assumptions": assumption_list,
}
