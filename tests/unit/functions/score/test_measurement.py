"""The metrics of one request, as CloudWatch reads them."""

from __future__ import annotations

from typing import Any

import pytest
from aws_lambda_powertools import Metrics

from functions.score.measurement import RequestMeasurement, add_metrics

ANSWERS = [
    {"risk": "high", "warnings": [], "model_version": "churn-1"},
    {"risk": "low", "warnings": ["Contract", "PaymentMethod"], "model_version": "churn-1"},
    {"risk": "medium", "warnings": ["Contract"], "model_version": "churn-1"},
]


def written(measurement: RequestMeasurement, status: int = 200) -> dict[str, Any]:
    """Write the metrics of a request; return values by name, and the metadata."""
    metrics = Metrics(namespace="Churn", service="test")
    metrics.clear_metrics()
    add_metrics(metrics, measurement, "POST /predict", status, "id-1")
    line: Any = metrics.serialize_metric_set()
    metrics.clear_metrics()
    names = [metric["Name"] for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]]
    metadata = ("route", "status", "request_id", "model_version")
    return {name: line[name][0] for name in names} | {name: line[name] for name in metadata if name in line}


def test_the_metrics_of_a_scored_request_are_its_counts_and_times() -> None:
    measurement = RequestMeasurement({"Parse": 0.12345, "Validate": 1, "Score": 20.0006})
    measurement.count(ANSWERS)
    assert written(measurement) == {
        "Requests": 1,
        "ParseTime": 0.123,
        "ValidateTime": 1,
        "ScoreTime": 20.001,
        "CustomersScored": 3,
        "HighRisk": 1,
        "HighRiskShare": 33.333,
        "ValueWarnings": 3,
        "route": "POST /predict",
        "status": 200,
        "request_id": "id-1",
        "model_version": "churn-1",
    }


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, {}),
        (422, {}),
        (499, {}),
        (500, {"InternalErrors": 1}),
        (502, {"InternalErrors": 1}),
        (503, {"Unavailable": 1}),
        (504, {"InternalErrors": 1}),
    ],
)
def test_only_the_services_own_failures_are_counted(status: int, expected: dict[str, int]) -> None:
    found = written(RequestMeasurement(), status)
    assert (
        found == {"Requests": 1, "route": "POST /predict", "status": status, "request_id": "id-1"} | expected
    )


def test_a_request_without_answers_has_no_model_version() -> None:
    measurement = RequestMeasurement()
    measurement.count([])
    assert (measurement.customers, measurement.model_version) == (0, None)


def test_a_phase_is_timed_in_milliseconds_even_if_it_fails() -> None:
    measurement = RequestMeasurement()
    with pytest.raises(ValueError, match="malformed"), measurement.phase("Parse"):
        raise ValueError("malformed")
    assert set(measurement.milliseconds) == {"Parse"}
    assert measurement.milliseconds["Parse"] > 0
