"""The estimate uses the speeds and prices of docs/cost.md."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from benchmarks.capacity import cost, prices
from benchmarks.capacity.measured import load_measured
from functions.backfill import estimate as estimates
from functions.backfill.estimate import estimate
from tests.unit.functions.backfill.batch_parts import Inputs, plan_of, tail_of, tail_of_length


def test_the_speeds_are_the_measured_speeds() -> None:
    batch = load_measured().batch
    assert batch.memory_mb == estimates.MEMORY_OF_A_PROCESSOR
    assert pytest.approx(batch.rows_per_second, rel=0.25) == estimates.ROWS_PER_SECOND
    assert pytest.approx(batch.seconds_an_object, rel=0.25) == estimates.SECONDS_PER_PART
    assert cost.TRANSFER_BYTES == estimates.BYTES_PER_SECOND
    assert cost.S3_SECONDS == estimates.SECONDS_PER_REQUEST


def test_the_prices_are_those_of_the_cost_page() -> None:
    assert {
        (estimates.DOLLARS_PER_GB_SECOND, prices.LAMBDA_ARM.each),
        (estimates.DOLLARS_PER_CALL, prices.LAMBDA_REQUEST.each),
        (estimates.DOLLARS_PER_TRANSITION, prices.TRANSITION.each),
        (estimates.DOLLARS_PER_PUT, prices.S3_PUT.each),
        (estimates.DOLLARS_PER_GET, prices.S3_GET.each),
    } == {
        (price.each, price.each)
        for price in (
            prices.LAMBDA_ARM,
            prices.LAMBDA_REQUEST,
            prices.TRANSITION,
            prices.S3_PUT,
            prices.S3_GET,
        )
    }


def test_the_estimate_of_a_billion_rows_in_a_thousand_parts() -> None:
    plan = plan_of(1_000, size=20_000_000)
    found = estimate(Inputs(tail_of(1_000_000)), plan, concurrency=100, memory_mb=1769)
    assert (found.rows, found.looked_at, found.unreadable) == (1_000_000_000, 63, 0)
    seconds = 1_000 * (0.4 + 0.5) + 1e9 / 630_000 + (20e9 + 17e9) / 60e6
    assert found.seconds == pytest.approx(seconds / 100, abs=0.1)
    assert found.dollars is not None
    lambdas = seconds * 1769 / 1024 * 0.0000133334
    assert found.dollars == pytest.approx(lambdas + 1_000 * (2e-7 + 5e-5 + 5e-6 + 1.6e-6), rel=1e-3)


def test_files_that_are_not_parquet_have_no_rows() -> None:
    found = estimate(Inputs(b"SSN-111-22-3333"), plan_of(3), concurrency=5, memory_mb=1769)
    assert asdict(found) == {
        "rows": None,
        "looked_at": 3,
        "unreadable": 3,
        "seconds": None,
        "dollars": None,
    }


@pytest.mark.parametrize(
    "end", [b"", b"PAR1", b"\xff\xff\xff\xffPAR1", b"\0\0\0\x7fPAR1", b"\x15\x02\0\x02\0\0\0PAR1"]
)
def test_a_damaged_end_is_unreadable(end: bytes) -> None:
    found = estimate(Inputs(end), plan_of(1), concurrency=1, memory_mb=1769)
    assert (found.rows, found.unreadable) == (None, 1)


def test_footers_up_to_a_mebibyte_are_read() -> None:
    for length, expected in ((2**20, 3), (2**20 + 1, None)):
        found = estimate(Inputs(tail_of_length(length)), plan_of(1), concurrency=1, memory_mb=1769)
        assert found.rows == expected
