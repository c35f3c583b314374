"""Paths, methods, events and headers (rows A33, A34, A38, A46 and A47)."""

from __future__ import annotations

from typing import Any

import pytest

from churn_core.scoring.bundle import Bundle
from churn_core.scoring.predictor import ChurnPredictor
from functions.score.limits import MAX_HEADER_BYTES
from functions.score.routes import ROUTES
from tests.functional.score_api.score_client import REQUEST_ID, Context, event, get, invoke, post


def test_health_returns_the_model_version(predictor: ChurnPredictor) -> None:
    answer = get("/health")
    assert (answer.status, answer.content) == (
        200,
        {"status": "ok", "model_version": predictor.bundle.model_version},
    )


def test_model_info_is_enough_to_build_a_form_from(predictor: ChurnPredictor) -> None:
    info = get("/model/info").content
    bundle: Bundle = predictor.bundle

    assert info["model_version"] == bundle.model_version
    assert (info["threshold"], info["risk_bands"]) == (bundle.threshold, bundle.risk_bands)
    assert [feature["name"] for feature in info["features"]] == list(bundle.contract.names)
    by_name = {feature["name"]: feature for feature in info["features"]}
    assert by_name["Contract"]["values"] == ["Month-to-month", "One year", "Two year"]
    assert (by_name["tenure"]["minimum"], by_name["tenure"]["maximum"]) == (0, 120)
    typical = {feature["name"]: feature["typical"] for feature in info["features"]}
    answer = post("/predict", typical)
    assert (answer.status, answer.content["warnings"]) == (200, [])
    assert info["metrics"] == bundle.manifest["metrics"]


def test_model_info_shows_no_row_of_the_training_table() -> None:
    assert "golden_rows" not in get("/model/info").body


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "",
        "/score",
        "/predict/",
        "//predict",
        "/PREDICT",
        "/predict/batch/",
        "/predict%2Fbatch",
        "predict",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_a33_other_paths_are_not_found(path: str, method: str) -> None:
    answer = invoke(event(path, "{}", method))
    assert (answer.status, answer.problem) == (404, "not-found")


METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "post")


@pytest.mark.parametrize(
    ("path", "method"),
    [(path, method) for path in ROUTES for method in METHODS if method not in ROUTES[path]],
)
def test_a34_a_wrong_method_is_answered_with_the_allowed_ones(path: str, method: str) -> None:
    answer = invoke(event(path, "{}", method))
    assert (answer.status, answer.headers["allow"]) == (405, ", ".join(ROUTES[path]))
    if path.startswith("/v2"):
        assert set(answer.content) == {"error"}
    else:
        assert answer.problem == "method-not-allowed"


def test_a38_the_body_can_not_name_a_tenant(customer: dict[str, Any]) -> None:
    for claim in ("tenant", "tenantId", "accountId", "sub"):
        answer = post("/predict", customer | {claim: "other"})
        assert answer.errors == [([len(customer)], "extra_forbidden")]
    mine, theirs = event(body="{}"), event(body="{}")
    mine["requestContext"]["authorizer"] = {"claims": {"sub": "me"}}
    theirs["requestContext"]["authorizer"] = {"claims": {"sub": "they"}}
    assert invoke(mine).content == invoke(theirs).content


@pytest.mark.parametrize(
    "content",
    [
        {},
        [],
        None,
        "text",
        5,
        {"Records": [{"eventSource": "aws:sqs", "body": "{}", "messageId": "1"}]},
        {"Records": [{"eventSource": "aws:s3", "s3": {"object": {"key": "a"}}}]},
        {"path": "/predict"},
        {"path": "/predict", "httpMethod": "POST"},
        {"path": 5, "httpMethod": "POST", "requestContext": {}},
        {"path": "/predict", "httpMethod": "POST", "requestContext": None},
        {"version": "2.0", "rawPath": "/predict", "requestContext": {"http": {"method": "POST"}}},
    ],
)
def test_a46_other_events_are_answered_in_the_form_of_api_gateway(content: Any) -> None:
    answer = invoke(content)
    assert (answer.status, answer.problem) == (400, "bad-event")


@pytest.mark.parametrize("headers", [None, {}, {"Content-Type": None}, {"Content-Type": 5}])
def test_a46_a_proxy_event_may_lack_headers(headers: Any) -> None:
    content = event(body="{}") | {"headers": headers}
    assert invoke(content).problem == "unsupported-media-type"


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("body", 5),
        ("body", ["x"]),
        ("headers", "x"),
        ("queryStringParameters", []),
        ("isBase64Encoded", "true"),
    ],
)
def test_a46_an_event_with_members_of_another_type_is_refused(member: str, value: Any) -> None:
    assert invoke(event(body="{}") | {member: value}).problem == "bad-event"


def test_a47_the_instance_is_api_gateways_request_id() -> None:
    assert get("/nowhere").content["instance"] == REQUEST_ID


@pytest.mark.parametrize("identifier", ["a\r\nSet-Cookie: x=1", "x" * 65, "", "ä", "<script>", None, 5])
def test_a47_an_invalid_request_id_is_not_returned(identifier: Any) -> None:
    content = event("/nowhere", method="GET")
    content["requestContext"]["requestId"] = identifier
    answer = invoke(content)
    assert answer.content["instance"] == Context().aws_request_id
    assert "Set-Cookie" not in str(answer.headers) + answer.body


def test_a47_no_header_of_the_request_is_returned(customer: dict[str, Any]) -> None:
    headers = {
        "Content-Type": "application/json",
        "X-Request-Id": "a\r\nX-Evil: 1",
        "Origin": "https://evil.example",
    }
    answer = post("/predict", customer, headers=headers)
    assert answer.status == 200
    assert set(answer.headers) == {"content-type", "cache-control", "x-content-type-options"}


def test_a47_headers_have_at_most_ten_kibibytes(customer: dict[str, Any]) -> None:
    headers = {"Content-Type": "application/json"}
    rest = MAX_HEADER_BYTES - sum(map(len, (*headers, *headers.values()))) - len("X-Long")
    assert post("/predict", customer, headers=headers | {"X-Long": "x" * rest}).status == 200
    answer = post("/predict", customer, headers=headers | {"X-Long": "x" * (rest + 1)})
    assert (answer.status, answer.problem) == (431, "headers-too-large")
