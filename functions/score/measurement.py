"""Counts and times of a request, and their CloudWatch metrics."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from aws_lambda_powertools.metrics import MetricUnit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aws_lambda_powertools import Metrics

Phase = Literal["Parse", "Validate", "Score"]
_SERVER_ERROR: Final = 500
_UNAVAILABLE: Final = 503


@dataclass(slots=True)
class RequestMeasurement:
    """Counts and times of one request; never a customer's value.

    Attributes
    ----------
    milliseconds : dict
        Wall time by phase.
    customers, high_risk, value_warnings : int
        Scored customers, how many of them are at high risk, and values that training had not seen.
    model_version : str or None
        The model that scored them.
    """

    milliseconds: dict[Phase, float] = field(default_factory=dict)
    customers: int = 0
    high_risk: int = 0
    value_warnings: int = 0
    model_version: str | None = None

    @contextmanager
    def phase(self, name: Phase) -> Iterator[None]:
        """Measure the wall time of a ``with`` block."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.milliseconds[name] = (time.perf_counter() - start) * 1_000

    def count(self, answers: Sequence[dict[str, Any]]) -> None:
        """Count the answers of a request."""
        self.customers = len(answers)
        self.high_risk = sum(answer["risk"] == "high" for answer in answers)
        self.value_warnings = sum(len(answer["warnings"]) for answer in answers)
        self.model_version = answers[0]["model_version"] if answers else None


def add_metrics(
    metrics: Metrics, measurement: RequestMeasurement, route: str, status: int, request_id: str
) -> None:
    """Add one request's measurement in CloudWatch's embedded metric format.

    Parameters
    ----------
    metrics : Metrics
        Its own decorator writes it to the log.
    measurement : RequestMeasurement
    route : str
        Method and path of the route, or ``none``; never text of the caller.
    status : int
        HTTP status of the answer.
    request_id : str
        Added as metadata, not as a dimension: CloudWatch charges for each value of a dimension.
    """
    metrics.add_metric("Requests", MetricUnit.Count, 1)
    for phase, duration in measurement.milliseconds.items():
        metrics.add_metric(f"{phase}Time", MetricUnit.Milliseconds, round(duration, 3))
    if measurement.customers:
        metrics.add_metric("CustomersScored", MetricUnit.Count, measurement.customers)
        metrics.add_metric("HighRisk", MetricUnit.Count, measurement.high_risk)
        share = 100 * measurement.high_risk / measurement.customers
        metrics.add_metric("HighRiskShare", MetricUnit.Percent, round(share, 3))
        metrics.add_metric("ValueWarnings", MetricUnit.Count, measurement.value_warnings)
    # Lambda's own metric `Errors` does not count requests that are answered with 5xx.
    if status == _UNAVAILABLE:
        metrics.add_metric("Unavailable", MetricUnit.Count, 1)
    elif status >= _SERVER_ERROR:
        metrics.add_metric("InternalErrors", MetricUnit.Count, 1)
    metrics.add_metadata("route", route)
    metrics.add_metadata("status", status)
    metrics.add_metadata("request_id", request_id)
    if measurement.model_version is not None:
        metrics.add_metadata("model_version", measurement.model_version)
