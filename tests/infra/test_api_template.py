"""The API in the template: who may call it, how often, and what the gateway says by itself."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from template_reader import Resources, of_type, transformed

from functions.score.limits import DEADLINE_RESERVE_MILLISECONDS
from functions.score.routes import ROUTES

AUTHORIZERS = {"AWS_IAM": [{"AWS_IAM": []}], "NONE": None}
PREFLIGHTS = {("/predict", "options"), ("/predict/batch", "options")}
GATEWAY_SECONDS = 29


def routes_of(resources: Resources) -> dict[tuple[str, str], dict[str, Any]]:
    (api,) = of_type(resources, "AWS::ApiGateway::RestApi").values()
    return {(path, method): r for path, rs in api["Body"]["paths"].items() for method, r in rs.items()}


def gateway_responses(resources: Resources) -> dict[str, dict[str, Any]]:
    (api,) = of_type(resources, "AWS::ApiGateway::RestApi").values()
    responses: dict[str, dict[str, Any]] = api["Body"]["x-amazon-apigateway-gateway-responses"]
    return responses


def test_each_route_of_the_code_is_one_of_the_api_and_no_other(resources: Resources) -> None:
    code = {(path, method.lower()) for path, methods in ROUTES.items() for method in methods}
    assert set(routes_of(resources)) == code | PREFLIGHTS


@pytest.mark.parametrize("authorizer", AUTHORIZERS)
def test_a36_every_route_asks_who_calls_unless_told_not_to(template: dict[str, Any], authorizer: str) -> None:
    assert authorizer in template["Parameters"]["ApiAuthorizer"]["AllowedValues"]
    routes = routes_of(transformed(ApiAuthorizer=authorizer)["Resources"])
    for place, route in routes.items():
        if place not in PREFLIGHTS:
            assert route.get("security") == AUTHORIZERS[authorizer], place


def test_a36_the_api_is_closed_by_default_and_every_way_in_is_tested(template: dict[str, Any]) -> None:
    assert template["Parameters"]["ApiAuthorizer"]["Default"] == "AWS_IAM"
    assert set(template["Parameters"]["ApiAuthorizer"]["AllowedValues"]) == set(AUTHORIZERS)


def test_a37_a_caller_needs_the_right_to_each_route_and_none_to_the_function(resources: Resources) -> None:
    for route in routes_of(resources).values():
        # With the caller's own credentials, IAM would ask for rights to the function behind the route.
        assert "credentials" not in route["x-amazon-apigateway-integration"]
    # Nothing grants the API to anybody: who may call which route stands in the callers' own policies.
    (api,) = of_type(resources, "AWS::ApiGateway::RestApi").values()
    assert "Policy" not in api
    assert "x-amazon-apigateway-policy" not in api["Body"]
    for permission in of_type(resources, "AWS::Lambda::Permission").values():
        assert permission["Principal"] == "apigateway.amazonaws.com"
        assert permission["SourceArn"]


def test_a35_browsers_are_let_in_by_a_list_of_origins_without_a_star(template: dict[str, Any]) -> None:
    origins = template["Parameters"]["CorsOrigins"]
    assert origins["Default"] == ""
    pattern = re.compile(origins["AllowedPattern"])
    for allowed in ("", "https://crm.example.com", "https://a.example,http://localhost:3000"):
        assert pattern.fullmatch(allowed), allowed
    for refused in (
        "*",
        "https://*.example.com",
        "https://a.example, https://b.example",
        "example.com",
        "https://a/",
    ):
        assert not pattern.fullmatch(refused), refused
    variables = template["Resources"]["ScoreFunction"]["Properties"]["Environment"]["Variables"]
    assert variables["CHURN_CORS_ORIGINS"] == {"Ref": "CorsOrigins"}


def test_a35_a_preflight_carries_no_credentials_and_needs_none(resources: Resources) -> None:
    routes = routes_of(resources)
    assert [routes[place].get("security", []) for place in sorted(PREFLIGHTS)] == [[{"NONE": []}]] * 2


def test_a39_the_stage_is_throttled(template: dict[str, Any], resources: Resources) -> None:
    (stage,) = of_type(resources, "AWS::ApiGateway::Stage").values()
    (settings,) = stage["MethodSettings"]
    assert (settings["ResourcePath"], settings["HttpMethod"]) == ("/*", "*")
    assert settings["ThrottlingRateLimit"] == {"Ref": "ApiThrottleRate"}
    assert settings["ThrottlingBurstLimit"] == {"Ref": "ApiThrottleBurst"}
    assert all(
        template["Parameters"][name]["Default"] > 0 for name in ("ApiThrottleRate", "ApiThrottleBurst")
    )
    assert gateway_responses(resources)["THROTTLED"]["statusCode"] == "429"


def test_a51_no_body_is_logged_or_traced(resources: Resources) -> None:
    (stage,) = of_type(resources, "AWS::ApiGateway::Stage").values()
    assert stage["MethodSettings"][0]["DataTraceEnabled"] is False
    variables = resources["ScoreFunction"]["Properties"]["Environment"]["Variables"]
    assert variables["POWERTOOLS_TRACER_CAPTURE_RESPONSE"] == "false"
    assert variables["POWERTOOLS_TRACER_CAPTURE_ERROR"] == "false"
    assert not {"POWERTOOLS_LOGGER_LOG_EVENT", "POWERTOOLS_DEV", "POWERTOOLS_DEBUG"} & set(variables)


def test_a40_what_the_gateway_says_by_itself_is_a_problem_too(resources: Resources) -> None:
    responses = gateway_responses(resources)
    assert {"THROTTLED", "ACCESS_DENIED", "INTEGRATION_FAILURE", "INTEGRATION_TIMEOUT"} <= set(responses)
    for kind, response in responses.items():
        headers = response["responseParameters"]
        assert headers["gatewayresponse.header.Content-Type"] == "'application/problem+json'"
        text = response["responseTemplates"]["application/json"]
        problem = json.loads(text.replace("$context.error.messageString", '"Forbidden"'))
        members = {"type", "title", "detail", "instance"}
        if not kind.startswith("DEFAULT_"):
            # Of the others the gateway keeps the status, which a template can't name.
            members |= {"status"}
            assert str(problem["status"]) == response["statusCode"]
        assert set(problem) == members
        assert problem["type"].startswith("urn:churn:problem:")
        assert problem["instance"] == "$context.requestId"


def test_a44_the_function_ends_before_the_gateway_gives_up(resources: Resources) -> None:
    timeout = resources["ScoreFunction"]["Properties"]["Timeout"]
    assert DEADLINE_RESERVE_MILLISECONDS / 1_000 < timeout <= 10 < GATEWAY_SECONDS


def test_a32_nothing_is_decompressed_on_the_way(resources: Resources) -> None:
    (api,) = of_type(resources, "AWS::ApiGateway::RestApi").values()
    assert "MinimumCompressionSize" not in api
    assert "BinaryMediaTypes" not in api


def test_the_api_calls_the_alias_of_a_published_version(resources: Resources) -> None:
    (alias,) = of_type(resources, "AWS::Lambda::Alias").values()
    assert alias["Name"] == "live"
    assert alias["FunctionName"] == {"Ref": "ScoreFunction"}
    for route in routes_of(resources).values():
        assert "ScoreFunctionAliaslive" in json.dumps(route["x-amazon-apigateway-integration"]["uri"])


def test_concurrency_is_reserved_only_where_asked_for(template: dict[str, Any], resources: Resources) -> None:
    assert template["Parameters"]["ScoreConcurrency"]["Default"] == 0
    assert template["Conditions"]["ScoreConcurrencyIsReserved"] == {
        "Fn::Not": [{"Fn::Equals": [{"Ref": "ScoreConcurrency"}, 0]}]
    }
    assert resources["ScoreFunction"]["Properties"]["ReservedConcurrentExecutions"] == {
        "Fn::If": ["ScoreConcurrencyIsReserved", {"Ref": "ScoreConcurrency"}, {"Ref": "AWS::NoValue"}]
    }
