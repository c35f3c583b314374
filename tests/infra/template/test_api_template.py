"""The API's parameters: what they take, what CloudFormation refuses, and that a change of them arrives."""

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


def test_a36_tokens_are_those_of_the_pool(deploy: Callable[..., DeployedStack]) -> None:
    stack = deploy(ApiAuthorizer="COGNITO", UserPoolArn=POOL)
    assert routes_of(stack)["/predict", "post"]["security"] == [{"COGNITO": []}]
    authorizer = schemes_of(stack)["COGNITO"]["x-amazon-apigateway-authorizer"]
    assert authorizer == {"type": "cognito_user_pools", "providerARNs": [POOL]}


def test_a37_a_token_needs_one_of_the_scopes(deploy: Callable[..., DeployedStack]) -> None:
    stack = deploy(ApiAuthorizer="COGNITO", UserPoolArn=POOL, ApiScopes="churn/score,churn/read")
    assert routes_of(stack)["/v2", "get"]["security"] == [{"COGNITO": ["churn/score", "churn/read"]}]


def test_a36_open_is_what_must_be_asked_for(deploy: Callable[..., DeployedStack]) -> None:
    stack = deploy(ApiAuthorizer="NONE")
    assert {str(route["security"]) for route in routes_of(stack).values()} == {"[]"}
    assert "COGNITO" not in schemes_of(stack)


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"ApiAuthorizer": "NONE", "ApiKeyRequired": "true"}, "An API key does not prove identity"),
        ({"ApiAuthorizer": "COGNITO"}, "set UserPoolArn too"),
        ({"ApiAuthorizer": "AWS_IAM", "ApiKeyRequired": "true"}, None),
        ({"ApiAuthorizer": "COGNITO", "UserPoolArn": POOL, "ApiKeyRequired": "true"}, None),
        ({"ApiAuthorizer": "NONE"}, None),
    ],
)
def test_cloudformation_refuses_what_would_not_protect(
    deploy: Callable[..., DeployedStack], parameters: dict[str, str], told: str | None
) -> None:
    broken = deploy(**parameters).broken_rules()
    if told is None:
        assert broken == []
    else:
        (sentence,) = broken
        assert told in sentence


def test_a_changed_authorizer_arrives_at_the_stage() -> None:
    # The definition's text is the same for every value of the parameter, and SAM deploys by its hash.
    assert TemplateSettings().properties("Api")["AlwaysDeploy"] is True


def test_a35_browsers_are_let_in_by_a_list_of_origins_without_a_star(template: dict[str, Any]) -> None:
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
    # The stage can have an access log only once the account has the role.
    assert "churn-test-ApiGatewayLogging" in str(managed.the("AWS::ApiGateway::Stage")["Tags"])
    left_alone = deploy(ManageApiGatewayLogging="false")
    assert not {"ApiGatewayLogging", "ApiGatewayLoggingRole"} & set(left_alone.resources)
