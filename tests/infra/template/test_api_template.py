"""The API's parameters: accepted and refused values, and that a change is deployed."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from infra.local.template_settings import TemplateSettings
from tests.infra.deployed_stack import DeployedStack
from tests.infra.template.checks_api import routes_of, schemes_of
from tests.infra.template.test_checklist import POOL


def test_a36_the_api_is_closed_by_default(stack: DeployedStack) -> None:
    assert stack.parameters["ApiAuthorizer"] == "AWS_IAM"
    assert routes_of(stack)["/predict", "post"]["security"] == [{"AWS_IAM": []}]


def test_a36_only_tokens_of_the_pool_are_accepted(deploy: Callable[..., DeployedStack]) -> None:
    stack = deploy(ApiAuthorizer="COGNITO", UserPoolArn=POOL)
    assert routes_of(stack)["/predict", "post"]["security"] == [{"COGNITO": []}]
    authorizer = schemes_of(stack)["COGNITO"]["x-amazon-apigateway-authorizer"]
    assert authorizer == {"type": "cognito_user_pools", "providerARNs": [POOL]}


def test_a37_a_token_needs_one_of_the_scopes(deploy: Callable[..., DeployedStack]) -> None:
    stack = deploy(ApiAuthorizer="COGNITO", UserPoolArn=POOL, ApiScopes="churn/score,churn/read")
    assert routes_of(stack)["/v2", "get"]["security"] == [{"COGNITO": ["churn/score", "churn/read"]}]


def test_a36_the_api_is_open_only_on_request(deploy: Callable[..., DeployedStack]) -> None:
    stack = deploy(ApiAuthorizer="NONE")
    assert {str(route["security"]) for route in routes_of(stack).values()} == {"[]"}
    assert "COGNITO" not in schemes_of(stack)


@pytest.mark.parametrize(
    ("parameters", "rule"),
    [
        ({"ApiAuthorizer": "NONE", "ApiKeyRequired": "true"}, "An API key does not prove identity"),
        ({"ApiAuthorizer": "COGNITO"}, "set UserPoolArn too"),
        ({"ApiAuthorizer": "AWS_IAM", "ApiKeyRequired": "true"}, None),
        ({"ApiAuthorizer": "COGNITO", "UserPoolArn": POOL, "ApiKeyRequired": "true"}, None),
        ({"ApiAuthorizer": "NONE"}, None),
    ],
)
def test_cloudformation_refuses_settings_that_do_not_protect(
    deploy: Callable[..., DeployedStack], parameters: dict[str, str], rule: str | None
) -> None:
    broken = deploy(**parameters).broken_rules()
    if rule is None:
        assert broken == []
    else:
        (sentence,) = broken
        assert rule in sentence


def test_a_changed_authorizer_is_deployed_to_the_stage() -> None:
    # SAM deploys when the definition's text changes, but a parameter's value does not change it.
    assert TemplateSettings().properties("Api")["AlwaysDeploy"] is True


def test_a35_origins_are_a_list_without_wildcards(template: dict[str, Any]) -> None:
    origins = template["Parameters"]["CorsOrigins"]
    assert origins["Default"] == ""
    pattern = re.compile(origins["AllowedPattern"])
    for allowed in ("", "https://crm.example.com", "https://a.example,http://localhost:3000"):
        assert pattern.fullmatch(allowed), allowed
    for refused in (
        *("*", "https://*.example.com", "https://a.example, https://b.example"),
        *("example.com", "https://a/"),
    ):
        assert not pattern.fullmatch(refused), refused


def test_the_account_s_logging_role_outlives_the_stack(deploy: Callable[..., DeployedStack]) -> None:
    managed = deploy()
    for name in ("ApiGatewayLogging", "ApiGatewayLoggingRole"):
        assert managed.resources[name]["DeletionPolicy"] == "Retain"
    # The stage can only have an access log if the account has the role.
    assert "churn-test-ApiGatewayLogging" in str(managed.the("AWS::ApiGateway::Stage")["Tags"])
    left_alone = deploy(ManageApiGatewayLogging="false")
    assert not {"ApiGatewayLogging", "ApiGatewayLoggingRole"} & set(left_alone.resources)
