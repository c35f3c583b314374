"""The computed parts of docs/cost.md."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from benchmarks.capacity import cost, prices
from benchmarks.capacity.cost import MILLION, total
from benchmarks.measuring import markdown_table
from infra.local.cgroup import MEGABYTES_A_PROCESSOR
from infra.local.tools import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.capacity.measured import Measured

PAGE: Final = REPOSITORY / "docs" / "cost.md"
_BLOCK: Final = re.compile(r"<!-- begin: ([a-z-]+) -->\n.*?<!-- end -->", re.DOTALL)


def with_tables(text: str, measured: Measured) -> str:
    """Return a page with each block from ``begin: NAME`` to ``end`` computed; KeyError for other names."""
    return _BLOCK.sub(
        lambda found: f"<!-- begin: {found[1]} -->\n\n{BLOCKS[found[1]](measured)}\n\n<!-- end -->", text
    )


def write_page(measured: Measured) -> None:
    """Compute the page's tables again."""
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), measured), encoding="utf-8")


def dollars(amount: float) -> str:
    """Return an amount with three significant digits and without an exponent."""
    decimals = 2
    while 0 < amount < 10 ** (2 - decimals) and decimals < 12:
        decimals += 1
    return f"${amount:,.{decimals}f}"


def _run(measured: Measured) -> str:
    batch, online = measured.batch, measured.online
    return (
        f"`{measured.command}` on {measured.date}: {measured.machine}, {measured.architecture}, Python"
        f" {measured.python}, model `{measured.family}`, load average before the run"
        f" {measured.load_at_start}.\n\n"
        f"- Batch function: {batch.memory_mb:,} MB, {batch.memory_mb / MEGABYTES_A_PROCESSOR:.2f} vCPU,"
        f" started in {batch.init_milliseconds} ms, scored {batch.rows_per_second:,.0f} rows/s after"
        f" {batch.seconds_an_object:.2f} s for each object; {batch.bytes_a_row:.1f} bytes a row to transfer."
        f" Its reader used at most {max(run.reader_peak_mb for run in batch.runs)} MB.\n"
        f"- Score function: {online.memory_mb:,} MB, {online.memory_mb / MEGABYTES_A_PROCESSOR:.2f} vCPU,"
        f" started in {online.init_milliseconds} ms (median of {online.starts})."
    )


def _online(measured: Measured) -> str:
    rows = []
    for calls in measured.online.calls:
        bill = cost.online_bill(measured, calls.customers)
        gateway = bill[prices.API_REQUEST] * prices.API_REQUEST.each
        millions = cost.break_even_millions(measured, calls.customers)
        rows.append(
            [
                f"{calls.customers:,}",
                f"{calls.median_milliseconds:.2f} / {calls.p99_milliseconds:.1f}",
                dollars(total(bill)),
                dollars(gateway),
                dollars(total(cost.sagemaker_bill(measured, calls.customers))),
                dollars(total(cost.container_requests(measured, calls.customers))),
                f"{millions:,.1f} million" if millions else "never",
            ]
        )
    rows.append(["a month without requests", "", "$0", "", "$0", dollars(total(cost.container_month())), ""])
    head = ["customers a request", "ms, median / p99", "this stack", "API Gateway's part"]
    head += ["SageMaker Serverless", "container", "container is cheaper from"]
    return markdown_table(head, rows)


def _batch(measured: Measured) -> str:
    batch = measured.batch
    rows = [
        [
            f"{size:,}",
            f"{cost.object_seconds(batch, size):.1f}",
            dollars(total(cost.batch_bill(batch, MILLION, size))),
            dollars(total(cost.batch_bill(batch, MILLION, size, prices.LAMBDA_X86))),
        ]
        for size in (10_000, 100_000, MILLION, 10 * MILLION)
    ]
    return markdown_table(["rows an object", "seconds an object", "a million rows, arm64", "x86_64"], rows)


def _prices(_: Measured) -> str:
    rows = [
        [price.name, f"${price.dollars:.10f}".rstrip("0").rstrip(".") + f" a {price.unit}", price.source]
        for price in prices.PRICES
    ]
    return markdown_table(["price", "dollars", "source"], rows)


BLOCKS: Final[dict[str, Callable[[Measured], str]]] = {
    "run": _run,
    "online": _online,
    "batch": _batch,
    "prices": _prices,
}
