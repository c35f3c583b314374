"""Metrics: one JSON line per request, with counts and times but no customer's value."""

from __future__ import annotations

from typing import Any

from churn_core.scoring.predictor import ChurnPredictor
from tests.functional.score_api.score_client import REQUEST_ID, Answer, get, post


def metrics(answer: Answer) -> dict[str, Any]:
    """Return the metrics line of the request."""
    return next(line for line in answer.log_lines if "Requests" in line)


def test_a_request_is_counted_and_timed_under_its_id(
    customer: dict[str, Any], predictor: ChurnPredictor
) -> None:
    line = metrics(post("/predict", customer))

    assert (line["Requests"], line["CustomersScored"], line["ValueWarnings"]) == ([1.0], [1.0], [0.0])
    assert all(line[phase][0] >= 0 for phase in ("ParseTime", "ValidateTime", "ScoreTime"))
    assert line["route"] == "POST /predict"
    assert line["status"] == 200
    assert line["request_id"] == REQUEST_ID
    assert line["model_version"] == predictor.bundle.model_version
    assert line["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Churn"
    assert line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["service"]]


def test_high_risk_and_unknown_values_are_counted(customer: dict[str, Any]) -> None:
    risky = customer | {"InternetService": "Fiber optic", "MonthlyCharges": 110, "TotalCharges": 110}
    loyal = customer | {"Contract": "Two year", "tenure": 60, "PaymentMethod": "by pigeon"}
    customers = [risky, customer, loyal, loyal]
    answer = post("/predict/batch", {"customers": customers})

    line = metrics(answer)
    high = sum(prediction["risk"] == "high" for prediction in answer.content["predictions"])
    assert [row["risk"] for row in answer.content["predictions"]] == ["high", "medium", "low", "low"]
    assert high == 1
    assert (line["CustomersScored"], line["HighRisk"], line["HighRiskShare"]) == ([4.0], [1.0], [25.0])
    assert line["ValueWarnings"] == [2.0]


def test_a_refused_request_is_counted_without_a_score(customer: dict[str, Any]) -> None:
    line = metrics(post("/predict", customer | {"tenure": -1}))
    assert (line["Requests"], line["status"]) == ([1.0], 422)
    assert not {"CustomersScored", "ScoreTime", "HighRisk", "model_version"} & set(line)


def test_an_unknown_path_is_not_logged(customer: dict[str, Any]) -> None:
    assert metrics(get("/customers/7590-VHVEG"))["route"] == "none"
