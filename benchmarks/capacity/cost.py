"""What online and batch scoring cost: measured quantities times list prices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks.capacity import prices

if TYPE_CHECKING:
    from benchmarks.capacity.measured import BatchMeasurement, Measured, OnlineCalls
    from benchmarks.capacity.prices import Price

    Bill = dict[Price, float]

MILLION: Final = 1_000_000
MONTH_HOURS: Final = 730

# What could not be measured on one machine; docs/cost.md names the sources.
TRANSFER_BYTES: Final = 60e6  # Bytes a second between S3 and one function
S3_SECONDS: Final = 0.1
"""A small request to S3 and its answer."""
PLATFORM_LOG_BYTES: Final = 700  # Lambda's own log lines of an invocation
TRACED_SHARE: Final = 0.05  # Share of requests that X-Ray traces by its default rule
COLD_SHARE: Final = 0.01  # Share of online requests that start an environment

_DISK_GB: Final = (5_120 - 512) / 1_024  # /tmp of the template's batch function beyond what is free
_READS, _WRITES = 3, 1
"""S3 requests an object: HEAD of the output, HEAD and GET of the input; PUT of the output."""
_QUEUE_REQUESTS: Final = 3  # Sent, received, deleted
_EVENTS: Final = 2  # S3's event of the input, the function's event of the scores


def total(bill: Bill) -> float:
    """Return the dollars of a bill: quantities by price."""
    return sum(quantity * price.each for price, quantity in bill.items())


def calls_of(measured: Measured, customers: int) -> OnlineCalls:
    """Return the measured requests of one size."""
    (found,) = [calls for calls in measured.online.calls if calls.customers == customers]
    return found


def _gb_seconds_a_request(measured: Measured, calls: OnlineCalls) -> float:
    """Return what is billed; the start of an environment is billed like an invocation."""
    milliseconds = calls.billed_milliseconds + COLD_SHARE * measured.online.init_milliseconds
    return measured.online.memory_mb / 1_024 * milliseconds / 1_000


def online_bill(measured: Measured, customers: int, second: Price = prices.LAMBDA_ARM) -> Bill:
    """Return the bill of a million predictions through the API, so many customers a request."""
    calls = calls_of(measured, customers)
    requests = MILLION / customers
    return {
        prices.API_REQUEST: requests,
        prices.LAMBDA_REQUEST: requests,
        second: requests * _gb_seconds_a_request(measured, calls),
        prices.LOGS: requests * (calls.log_bytes + PLATFORM_LOG_BYTES),
        prices.TRACE: requests * TRACED_SHARE,
    }


def sagemaker_bill(measured: Measured, customers: int) -> Bill:
    """Return the bill of a million predictions by SageMaker Serverless Inference.

    It is assumed to need the same seconds in the same memory, and is called without an API in front.
    """
    calls = calls_of(measured, customers)
    requests = MILLION / customers
    return {
        prices.SAGEMAKER_SECOND: requests * _gb_seconds_a_request(measured, calls),
        prices.SAGEMAKER_DATA: requests * (calls.request_bytes + calls.response_bytes),
        prices.LOGS: requests * calls.log_bytes,
    }


def container_month() -> Bill:
    """Return a month of one Fargate task of 0.5 vCPU and 1 GB behind a load balancer, without requests."""
    return {
        prices.FARGATE_CPU: 0.5 * MONTH_HOURS,
        prices.FARGATE_MEMORY: MONTH_HOURS,
        prices.BALANCER: MONTH_HOURS,
    }


def container_requests(measured: Measured, customers: int) -> Bill:
    """Return what a million predictions add to the container's month."""
    calls = calls_of(measured, customers)
    requests = MILLION / customers
    return {
        prices.BALANCER_UNIT: requests * (calls.request_bytes + calls.response_bytes),
        prices.LOGS: requests * calls.log_bytes,
    }


def break_even_millions(measured: Measured, customers: int) -> float | None:
    """Return from how many million predictions a month the container is cheaper; None if it never is."""
    saved = total(online_bill(measured, customers)) - total(container_requests(measured, customers))
    return total(container_month()) / saved if saved > 0 else None


def object_seconds(batch: BatchMeasurement, rows: float) -> float:
    """Return the seconds of an object on AWS, warm: what was measured, plus requests and transfer."""
    return (
        batch.seconds_an_object
        + rows / batch.rows_per_second
        + (_READS + _WRITES) * S3_SECONDS
        + rows * batch.bytes_a_row / TRANSFER_BYTES
    )


def batch_bill(
    batch: BatchMeasurement, rows: float, rows_an_object: float, second: Price = prices.LAMBDA_ARM
) -> Bill:
    """Return the bill of rows that arrive as objects of so many rows each, functions warm."""
    objects = rows / rows_an_object
    seconds = objects * object_seconds(batch, rows_an_object)
    return {
        second: seconds * batch.memory_mb / 1_024,
        prices.LAMBDA_DISK: seconds * _DISK_GB,
        prices.LAMBDA_REQUEST: objects,
        prices.S3_GET: objects * _READS,
        prices.S3_PUT: objects * _WRITES,
        prices.LOGS: objects * (batch.runs[0].log_bytes + PLATFORM_LOG_BYTES),
        prices.TRACE: objects * TRACED_SHARE,
        prices.EVENT: objects * _EVENTS,
        prices.QUEUE_REQUEST: objects * _QUEUE_REQUESTS,
    }
