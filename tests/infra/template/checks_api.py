"""Checks of the API: each function raises an AssertionError that says what is wrong."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from functions.score.limits import DEADLINE_RESERVE_MILLISECONDS
from functions.score.routes import ROUTES

if TYPE_CHECKING:
    from tests.infra.deployed_stack import DeployedStack

PREFLIGHTS: Final = {("/predict", "options"), ("/predict/batch", "options")}
GATEWAY_SECONDS: Final = 29
SCHEME_TYPES: Final = {"AWS_IAM": "awsSigv4", "COGNITO": "cognito_user_pools"}
LOGGED: Final = {
    *("$context.requestId", "$context.requestTimeEpoch", "$context.httpMethod", "$context.resourcePath"),
    *(
        "$context.status",
        "$context.responseLatency",
        "$context.integrationLatency",
        "$context.responseLength",
    ),
    *("$context.identity.userArn", "$context.authorizer.claims.sub", "$context.identity.apiKeyId"),
    *("$context.error.responseType", "$context.waf.status"),
}
"""The fields that may be logged: caller, route and outcome, but no content of the request."""


def routes_of(stack: DeployedStack) -> dict[tuple[str, str], dict[str, Any]]:
    paths = stack.the("AWS::ApiGateway::RestApi")["Body"]["paths"]
    return {(path, method): route for path, methods in paths.items() for method, route in methods.items()}


def schemes_of(stack: DeployedStack) -> dict[str, Any]:
    schemes: dict[str, Any] = stack.the("AWS::ApiGateway::RestApi")["Body"]["components"]["securitySchemes"]
    return schemes


def check_routes_equal_those_of_the_code(stack: DeployedStack) -> None:
    code = {(path, method.lower()) for path, methods in ROUTES.items() for method in methods}
    assert set(routes_of(stack)) == code | PREFLIGHTS, "routes differ from functions/score/routes.py"


def check_every_route_requires_authorization(stack: DeployedStack) -> None:
    """A36: every route requires credentials, unless the parameter opens the whole API."""
    authorizer = stack.parameters["ApiAuthorizer"]
    wanted: dict[str, list[str]] = {}
    if authorizer != "NONE":
        scopes = [scope for scope in stack.parameters["ApiScopes"].split(",") if scope]
        wanted[authorizer] = scopes if authorizer == "COGNITO" else []
    if stack.parameters["ApiKeyRequired"] == "true":
        wanted["API_KEY"] = []
    for place, route in routes_of(stack).items():
        expected = [wanted] if wanted and place not in PREFLIGHTS else []
        # A route without this member is open, so it must be present.
        assert route.get("security") == expected, f"{place} asks for {route.get('security')}"


def check_an_api_key_is_never_alone(stack: DeployedStack) -> None:
    for place, route in routes_of(stack).items():
        for way_in in route.get("security", []):
            assert set(way_in) - {"API_KEY"}, f"{place} accepts an API key without other credentials"


def check_each_authorizer_is_defined(stack: DeployedStack) -> None:
    schemes = schemes_of(stack)
    for place, route in routes_of(stack).items():
        for way_in in route.get("security", []):
            assert set(way_in) <= set(schemes), f"{place} names a scheme that is not defined"
    for name, kind in SCHEME_TYPES.items():
        if name in schemes:
            assert schemes[name]["x-amazon-apigateway-authtype"] == kind
            assert (schemes[name]["name"], schemes[name]["in"]) == ("Authorization", "header")
    assert schemes["API_KEY"] == {"type": "apiKey", "name": "x-api-key", "in": "header"}
    # An authorizer without a pool makes the deployment fail.
    chosen = stack.parameters["ApiAuthorizer"] == "COGNITO"
    assert ("COGNITO" in schemes) == chosen, "the Cognito authorizer must exist exactly when it is chosen"
    if chosen:
        pool = schemes["COGNITO"]["x-amazon-apigateway-authorizer"]["providerARNs"]
        assert pool == [stack.parameters["UserPoolArn"]]
        assert pool != [""]


def check_callers_need_no_permission_for_the_function(stack: DeployedStack) -> None:
    """A37: the callers' own policies decide which routes they may call; the stack grants nothing."""
    for route in routes_of(stack).values():
        # With the caller's credentials, callers would need permission to invoke the function.
        assert "credentials" not in route["x-amazon-apigateway-integration"]
    api = stack.the("AWS::ApiGateway::RestApi")
    assert "Policy" not in api
    assert "x-amazon-apigateway-policy" not in api["Body"]


def check_only_the_api_may_invoke(stack: DeployedStack) -> None:
    permissions = stack.of_type("AWS::Lambda::Permission")
    assert len(permissions) >= len(routes_of(stack))
    for name, permission in permissions.items():
        assert permission["Principal"] == "apigateway.amazonaws.com", name
        assert f"{stack.the('AWS::ApiGateway::Stage')['RestApiId']}/" in permission["SourceArn"], name
        assert permission["FunctionName"].endswith(":live"), name


def check_routes_call_the_alias(stack: DeployedStack) -> None:
    for place, route in routes_of(stack).items():
        uri = route["x-amazon-apigateway-integration"]["uri"]
        assert f"{stack.arn('ScoreFunction')}:live" in uri, place


def check_the_stage_is_throttled(stack: DeployedStack) -> None:
    """A39: the whole stage is throttled."""
    (settings,) = stack.the("AWS::ApiGateway::Stage")["MethodSettings"]
    assert (settings["ResourcePath"], settings["HttpMethod"]) == ("/*", "*")
    assert settings["ThrottlingRateLimit"] == stack.parameters["ApiThrottleRate"]
    assert settings["ThrottlingBurstLimit"] == stack.parameters["ApiThrottleBurst"]
    assert float(settings["ThrottlingRateLimit"]) > 0
    assert float(settings["ThrottlingBurstLimit"]) > 0


def check_access_is_logged_without_personal_data(stack: DeployedStack) -> None:
    setting = stack.the("AWS::ApiGateway::Stage")["AccessLogSetting"]
    groups = {stack.arn(name): group for name, group in stack.of_type("AWS::Logs::LogGroup").items()}
    assert setting["DestinationArn"] in groups, "the access log goes to a log group outside the stack"
    members = json.loads(setting["Format"])
    assert all(isinstance(value, str) for value in members.values())
    assert set(members.values()) <= LOGGED, set(members.values()) - LOGGED
    needed = ("requestId", "resourcePath", "httpMethod", "status", "responseLatency", "identity.userArn")
    assert {f"$context.{name}" for name in needed} <= set(members.values())


def check_no_body_is_logged_or_traced(stack: DeployedStack) -> None:
    """A51: the gateway logs and traces no body."""
    stage = stack.the("AWS::ApiGateway::Stage")
    assert all(settings["DataTraceEnabled"] is False for settings in stage["MethodSettings"])
    assert stage["TracingEnabled"] is True
    # The gateway's execution logs hold more than the access log may.
    assert all(settings.get("LoggingLevel", "OFF") == "OFF" for settings in stage["MethodSettings"])


def check_the_gateway_decompresses_nothing(stack: DeployedStack) -> None:
    """A32: the gateway passes bodies on unchanged."""
    api = stack.the("AWS::ApiGateway::RestApi")
    assert "MinimumCompressionSize" not in api
    assert "BinaryMediaTypes" not in api


def check_the_gateway_s_own_answers_are_problems(stack: DeployedStack) -> None:
    """A40: the gateway's own answers are problem documents."""
    responses = stack.the("AWS::ApiGateway::RestApi")["Body"]["x-amazon-apigateway-gateway-responses"]
    needed = {"THROTTLED", "ACCESS_DENIED", "UNAUTHORIZED", "INVALID_API_KEY", "QUOTA_EXCEEDED"}
    assert needed | {"INTEGRATION_FAILURE", "INTEGRATION_TIMEOUT"} <= set(responses)
    assert responses["THROTTLED"]["statusCode"] == "429"
    for kind, response in responses.items():
        headers = response["responseParameters"]
        assert headers["gatewayresponse.header.Content-Type"] == "'application/problem+json'"
        assert headers["gatewayresponse.header.Cache-Control"] == "'no-store'"
        text = response["responseTemplates"]["application/json"]
        problem = json.loads(text.replace("$context.error.messageString", '"Forbidden"'))
        members = {"type", "title", "detail", "instance"}
        if not kind.startswith("DEFAULT_"):
            # For the default responses the gateway keeps the status, which a template can't name.
            members |= {"status"}
            assert str(problem["status"]) == response["statusCode"]
        assert set(problem) == members
        assert problem["type"].startswith("urn:churn:problem:")
        assert problem["instance"] == "$context.requestId"


def check_the_function_times_out_before_the_gateway(stack: DeployedStack) -> None:
    """A44: the function's timeout is shorter than the gateway's."""
    timeout = stack.properties("ScoreFunction")["Timeout"]
    assert DEADLINE_RESERVE_MILLISECONDS / 1_000 < timeout <= 10 < GATEWAY_SECONDS


def check_the_web_acl_is_attached_if_it_is_set(stack: DeployedStack) -> None:
    given = stack.parameters["WebAclArn"]
    firewalls = list(stack.of_type("AWS::WAFv2::WebACLAssociation").values())
    assert [firewall["WebACLArn"] for firewall in firewalls] == ([given] if given else [])
    for firewall in firewalls:
        assert re.fullmatch(
            r"arn:aws:apigateway:[\w-]+::/restapis/[\w-]+/stages/[\w-]+", firewall["ResourceArn"]
        )


def check_a_key_has_a_quota(stack: DeployedStack) -> None:
    wanted = stack.parameters["ApiKeyRequired"] == "true"
    plans = list(stack.of_type("AWS::ApiGateway::UsagePlan").values())
    assert len(plans) == len(stack.of_type("AWS::ApiGateway::UsagePlanKey")) == wanted
    assert len(stack.of_type("AWS::ApiGateway::ApiKey")) == wanted
    for plan in plans:
        assert plan["Quota"] == {"Limit": stack.parameters["ApiKeyDailyQuota"], "Period": "DAY"}
        assert plan["Throttle"]["RateLimit"] == stack.parameters["ApiThrottleRate"]
        assert [stage["ApiId"] for stage in plan["ApiStages"]] == ["churn-test-Api"]


def check_only_listed_origins_may_call_from_browsers(stack: DeployedStack) -> None:
    """A35: the allowed origins are a list."""
    variables = stack.properties("ScoreFunction")["Environment"]["Variables"]
    assert variables["CHURN_CORS_ORIGINS"] == stack.parameters["CorsOrigins"]
    assert "*" not in variables["CHURN_CORS_ORIGINS"]
