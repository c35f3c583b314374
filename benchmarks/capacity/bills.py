"""What online and batch scoring cost, line by line: a measured quantity times a list price."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchmarks.capacity import prices, quotas
from infra.local.cgroup import MEGABYTES_A_PROCESSOR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.capacity.measured import BatchMeasurement, Measured, OnlineCalls
    from benchmarks.capacity.prices import Price

MILLION: Final = 1_000_000
MONTH_SECONDS: Final = 730 * 3_600
_DISK_GB: Final = (5_120 - 512) / 1_024
"""/tmp of the template's batch function beyond what is free."""
_S3_READS_AN_OBJECT: Final = 3
"""HEAD of the output, HEAD and GET of the input."""
_S3_WRITES_AN_OBJECT: Final = 1
_QUEUE_REQUESTS_AN_OBJECT: Final = 3
"""Sent, received, deleted."""
_EVENTS_AN_OBJECT: Final = 2
"""S3's of the input, the function's own of the scores."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a bill.

    Attributes
    ----------
    what : str
    quantity : float
        In what the price's ``each`` is for.
    price : Price
    """

    what: str
    quantity: float
    price: Price

    @property
    def dollars(self) -> float:
        """Quantity times price."""
        return self.quantity * self.price.each


def total(bill: Sequence[Line]) -> float:
    """Return the dollars of a bill."""
    return sum(line.dollars for line in bill)


def _score_seconds(measured: Measured, calls: OnlineCalls, cold_share: float) -> float:
    """Return the billed seconds of a request; a start is billed like an invocation (AWS Lambda pricing)."""
    return (calls.billed_milliseconds + cold_share * measured.online.init_milliseconds) / 1_000


def online_bill(
    measured: Measured, customers: int, lambda_price: Price, cold_share: float = quotas.COLD_SHARE.value
) -> list[Line]:
    """Return the bill of a million predictions through the API.

    Parameters
    ----------
    measured : Measured
    customers : int
        In one request; of the sizes that were measured.
    lambda_price : Price
        Of a GB-second.
    cold_share : float
        Share of requests that start an environment.
    """
    calls = measured.online.with_customers(customers)
    requests = MILLION / customers
    gigabytes = measured.online.memory_mb / 1_024
    log_bytes = calls.log_bytes + quotas.PLATFORM_LOG_BYTES.value
    return [
        Line("API Gateway, requests", requests, prices.API_REQUEST),
        Line("Lambda, requests", requests, prices.LAMBDA_REQUEST),
        Line(
            "Lambda, GB-seconds",
            requests * gigabytes * _score_seconds(measured, calls, cold_share),
            lambda_price,
        ),
        Line("CloudWatch Logs, bytes", requests * log_bytes, prices.LOGS),
        Line("X-Ray, traces", requests * quotas.TRACED_SHARE.value, prices.TRACE),
    ]


def sagemaker_bill(measured: Measured, customers: int) -> list[Line]:
    """Return the bill of a million predictions by SageMaker Serverless Inference.

    It is taken to need the same seconds in the same memory, and called without an API in front.
    """
    calls = measured.online.with_customers(customers)
    requests = MILLION / customers
    gigabytes = measured.online.memory_mb / 1_024
    seconds = _score_seconds(measured, calls, quotas.COLD_SHARE.value)
    return [
        Line("SageMaker, GB-seconds", requests * gigabytes * seconds, prices.SAGEMAKER_SERVERLESS),
        Line(
            "SageMaker, bytes in and out",
            requests * (calls.request_bytes + calls.response_bytes),
            prices.SAGEMAKER_DATA,
        ),
        Line("CloudWatch Logs, bytes", requests * calls.log_bytes, prices.LOGS),
    ]


def container_month() -> list[Line]:
    """Return a month of one container, 0.5 vCPU and 1 GB, behind a load balancer, without requests."""
    return [
        Line("Fargate, vCPU-seconds", 0.5 * MONTH_SECONDS, prices.FARGATE_CPU),
        Line("Fargate, GB-seconds", 1.0 * MONTH_SECONDS, prices.FARGATE_MEMORY),
        Line("Load balancer, seconds", MONTH_SECONDS, prices.BALANCER),
    ]


def container_requests(measured: Measured, customers: int) -> list[Line]:
    """Return what a million predictions add to it: capacity units by bytes (1 GB an hour each), and logs."""
    calls = measured.online.with_customers(customers)
    requests = MILLION / customers
    unit_seconds = requests * (calls.request_bytes + calls.response_bytes) / 1e9 * 3_600
    return [
        Line("Load balancer, unit-seconds", unit_seconds, prices.BALANCER_UNIT),
        Line("CloudWatch Logs, bytes", requests * calls.log_bytes, prices.LOGS),
    ]


def break_even_millions(measured: Measured, customers: int, lambda_price: Price) -> float | None:
    """Return the millions of predictions a month from which on the container is cheaper; None for never."""
    saved = total(online_bill(measured, customers, lambda_price)) - total(
        container_requests(measured, customers)
    )
    return total(container_month()) / saved if saved > 0 else None


def container_predictions_per_second(measured: Measured, customers: int) -> float:
    """Return what 0.5 vCPU can answer, if it is as quick as the score function for its share of a vCPU."""
    calls = measured.online.with_customers(customers)
    share = measured.online.memory_mb / MEGABYTES_A_PROCESSOR
    return customers * 1_000 / calls.mean_milliseconds * 0.5 / share


def object_seconds(
    batch: BatchMeasurement,
    rows: float,
    megabytes_per_second: float = quotas.TRANSFER_MEGABYTES.value,
    slowdown: float = 1.0,
) -> float:
    """Return the seconds that the batch function takes for an object of so many rows, warm, on AWS.

    What was measured, and on top what the local S3 does not show: requests that travel, and bytes.

    Parameters
    ----------
    batch : BatchMeasurement
    rows : float
    megabytes_per_second : float
        To and from S3.
    slowdown : float
        By how much AWS's vCPU is slower than the measured machine's.
    """
    requests = _S3_READS_AN_OBJECT + _S3_WRITES_AN_OBJECT
    return (
        slowdown * (batch.seconds_an_object + rows / batch.rows_per_second)
        + requests * quotas.S3_SECONDS.value
        + rows * batch.bytes_a_row / (megabytes_per_second * 1e6)
    )


def function_lines(
    batch: BatchMeasurement, objects: float, attempts: float, seconds: float, lambda_price: Price
) -> list[Line]:
    """Return what the batch function itself costs, whoever invokes it.

    Parameters
    ----------
    batch : BatchMeasurement
    objects, attempts : float
        Objects, and invocations that it took.
    seconds : float
        Of all invocations together.
    lambda_price : Price
        Of a GB-second.
    """
    log_bytes = batch.runs[0].log_bytes + quotas.PLATFORM_LOG_BYTES.value
    return [
        Line("Lambda, GB-seconds", seconds * batch.memory_mb / 1_024, lambda_price),
        Line("Lambda, GB-seconds of /tmp", seconds * _DISK_GB, prices.LAMBDA_DISK),
        Line("Lambda, requests", attempts, prices.LAMBDA_REQUEST),
        Line("S3, GET and HEAD", attempts * _S3_READS_AN_OBJECT, prices.S3_GET),
        Line("S3, PUT", objects * _S3_WRITES_AN_OBJECT, prices.S3_PUT),
        Line("CloudWatch Logs, bytes", attempts * log_bytes, prices.LOGS),
        Line("X-Ray, traces", attempts * quotas.TRACED_SHARE.value, prices.TRACE),
    ]


def drops_bill(
    measured: Measured, rows_an_object: int, lambda_price: Price, seconds_an_object: float | None = None
) -> list[Line]:
    """Return the bill of a million rows that come as objects of so many rows each, functions warm.

    Parameters
    ----------
    measured : Measured
    rows_an_object : int
    lambda_price : Price
        Of a GB-second.
    seconds_an_object : float, optional
        By default those of `object_seconds`.
    """
    batch = measured.batch
    objects = MILLION / rows_an_object
    each = object_seconds(batch, rows_an_object) if seconds_an_object is None else seconds_an_object
    return [
        *function_lines(batch, objects, objects, objects * each, lambda_price),
        Line("EventBridge, events", objects * _EVENTS_AN_OBJECT, prices.EVENT),
        Line("SQS, requests", objects * _QUEUE_REQUESTS_AN_OBJECT, prices.QUEUE_REQUEST),
    ]
