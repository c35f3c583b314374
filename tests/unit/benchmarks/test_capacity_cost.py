"""The arithmetic of docs/cost.md, compared with bills that are computed by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.capacity import cost, prices
from benchmarks.capacity.cost import total
from benchmarks.capacity.measured import (
    BatchMeasurement,
    BatchRun,
    Measured,
    OnlineCalls,
    OnlineMeasurement,
    load_measured,
)
from benchmarks.capacity.pages import BLOCKS, PAGE, dollars, with_tables

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def measured() -> Measured:
    """One second an object, a million rows a second, 60 bytes a row; 10 ms for each customer."""
    runs = [
        BatchRun(100, 2_000, 4_000, 1.3, 0.1, 0.9, 0.2, 100, 300),
        BatchRun(2_000_100, 20 * 2_000_100, 40 * 2_000_100, 4.0, 0.5, 2.9, 0.5, 300, 300),
    ]
    calls = [
        OnlineCalls(n, 1, 10.0 * n, 10.0 * n, 10.0 * n, 10.0 * n, 300, 400 * n, 600 * n) for n in (1, 10)
    ]
    return Measured(
        *("make bench-capacity", "2026-01-01", "none", 0.0, "x86_64", "3.13", "additive"),
        batch=BatchMeasurement(1_024, 300, 2_000, 1, runs),
        online=OnlineMeasurement(1_024, 500, 1, calls),
    )


def in_dollars(bill: dict[prices.Price, float]) -> dict[prices.Price, float]:
    return {price: quantity * price.each for price, quantity in bill.items()}


def test_a_million_single_predictions(measured: Measured) -> None:
    assert in_dollars(cost.online_bill(measured, 1)) == pytest.approx(
        {
            prices.API_REQUEST: 3.50,
            prices.LAMBDA_REQUEST: 0.20,
            # 10 ms, and 500 ms for one request in a hundred, in 1 GB.
            prices.LAMBDA_ARM: 1e6 * 0.015 * 0.0000133334,
            # 300 bytes of the function and 700 of Lambda.
            prices.LOGS: 0.50,
            prices.TRACE: 0.05 * 5,
        }
    )


def test_requests_of_ten_customers_are_a_tenth_as_many(measured: Measured) -> None:
    one, ten = (cost.online_bill(measured, size) for size in (1, 10))
    for price in (prices.API_REQUEST, prices.LAMBDA_REQUEST, prices.LOGS):
        assert ten[price] == pytest.approx(one[price] / 10)


def test_sagemaker_bills_seconds_and_bytes(measured: Measured) -> None:
    found = in_dollars(cost.sagemaker_bill(measured, 1))
    assert found[prices.SAGEMAKER_SECOND] == pytest.approx(1e6 * 0.015 * 0.00002)
    assert found[prices.SAGEMAKER_DATA] == pytest.approx(1.0 * 0.016)


def test_at_the_break_even_both_cost_the_same(measured: Measured) -> None:
    month = total(cost.container_month())
    assert month == pytest.approx(730 * (0.5 * 0.04048 + 0.004445 + 0.0225))
    millions = cost.break_even_millions(measured, 1)
    assert millions is not None
    container = month + millions * total(cost.container_requests(measured, 1))
    assert millions * total(cost.online_bill(measured, 1)) == pytest.approx(container)


def test_seconds_of_an_object_are_measured_ones_plus_requests_and_transfer(measured: Measured) -> None:
    assert cost.object_seconds(measured.batch, 1_000_000) == pytest.approx(1.0 + 1.0 + 4 * 0.1 + 1.0)


def test_a_million_rows_in_ten_objects(measured: Measured) -> None:
    seconds = 10 * (1.4 + 0.1 + 0.1)
    assert in_dollars(cost.batch_bill(measured.batch, 1e6, 100_000, prices.LAMBDA_X86)) == pytest.approx(
        {
            prices.LAMBDA_X86: seconds * 0.0000166667,
            prices.LAMBDA_DISK: seconds * 4.5 * 0.0000000309,
            prices.LAMBDA_REQUEST: 10 * 0.20e-6,
            prices.S3_GET: 30 * 0.0004e-3,
            prices.S3_PUT: 10 * 0.005e-3,
            prices.LOGS: 10 * 1_000 * 0.50e-9,
            prices.TRACE: 0.5 * 5e-6,
            prices.EVENT: 20 * 1e-6,
            prices.QUEUE_REQUEST: 30 * 0.40e-6,
        }
    )


def test_tables_are_computed_from_the_committed_measurement() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == with_tables(text, load_measured()), "run 'python -m benchmarks.capacity --page'"


def test_every_block_is_on_the_page_and_no_other() -> None:
    assert all(f"<!-- begin: {name} -->" in PAGE.read_text(encoding="utf-8") for name in BLOCKS)
    with pytest.raises(KeyError, match="weather"):
        with_tables("<!-- begin: weather -->\n<!-- end -->", load_measured())


def test_a_measurement_is_read_as_it_was_written(measured: Measured, tmp_path: Path) -> None:
    measured.write(tmp_path / "measured.json")
    assert load_measured(tmp_path / "measured.json") == measured


def test_dollars_have_three_significant_digits() -> None:
    assert [dollars(n) for n in (1234.5, 4.772, 2e-7)] == ["$1,234.50", "$4.77", "$0.000000200"]
