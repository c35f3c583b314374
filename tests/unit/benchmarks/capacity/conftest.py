"""A measurement in round figures, so that bills can be reckoned by hand."""

from __future__ import annotations

import pytest

from benchmarks.capacity.measured import (
    BatchMeasurement,
    BatchRun,
    Measured,
    OnlineCalls,
    OnlineMeasurement,
    PeerMeasurement,
)


@pytest.fixture
def measured() -> Measured:
    """One second an object, a million rows a second, 60 bytes a row; 10 ms for one customer."""
    return Measured(
        command="make bench-capacity",
        date="2026-01-01",
        machine="none",
        load_at_start=0.0,
        architecture="x86_64",
        python="3.13",
        family="additive",
        batch=BatchMeasurement(
            memory_mb=1_024,
            timeout_seconds=300,
            init_milliseconds=2_000,
            rounds=1,
            runs=[
                BatchRun(
                    rows=100,
                    input_bytes=2_000,
                    output_bytes=4_000,
                    wall_seconds=1.3,
                    download_seconds=0.1,
                    score_seconds=0.9,
                    upload_seconds=0.2,
                    reader_peak_mb=100,
                    log_bytes=300,
                ),
                BatchRun(
                    rows=2_000_100,
                    input_bytes=20 * 2_000_100,
                    output_bytes=40 * 2_000_100,
                    wall_seconds=4.0,
                    download_seconds=0.5,
                    score_seconds=2.9,
                    upload_seconds=0.5,
                    reader_peak_mb=300,
                    log_bytes=300,
                ),
            ],
        ),
        online=OnlineMeasurement(
            memory_mb=1_024,
            init_milliseconds=500,
            starts=1,
            calls=[
                OnlineCalls(
                    customers=customers,
                    calls=1,
                    mean_milliseconds=10.0 * customers,
                    median_milliseconds=10.0 * customers,
                    p99_milliseconds=10.0 * customers,
                    billed_milliseconds=10.0 * customers,
                    log_bytes=300,
                    request_bytes=400 * customers,
                    response_bytes=600 * customers,
                )
                for customers in (1, 10)
            ],
        ),
        peer=PeerMeasurement(rows=1, cores=2, family="logistic_regression", rows_per_second=100_000),
    )
