"""Every check passes for the stack with each value of the parameters that change it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Final

import pytest

from tests.infra.deployed_stack import ACCOUNT, REGION, DeployedStack
from tests.infra.template import (
    checks_alarms,
    checks_api,
    checks_events,
    checks_functions,
    checks_roles,
    checks_storage,
)

POOL: Final = f"arn:aws:cognito-idp:{REGION}:{ACCOUNT}:userpool/{REGION}_aBcDeFgHi"
STACKS: Final[dict[str, dict[str, str]]] = {
    "defaults": {},
    "tokens": {"ApiAuthorizer": "COGNITO", "UserPoolArn": POOL},
    "scopes and keys": {
        "ApiAuthorizer": "COGNITO",
        "UserPoolArn": POOL,
        "ApiScopes": "churn/score,churn/read",
        "ApiKeyRequired": "true",
    },
    "open": {"ApiAuthorizer": "NONE", "ManageApiGatewayLogging": "false", "CreateDashboard": "false"},
    "all that is optional": {
        "ApiKeyRequired": "true",
        "KmsKeyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0a1b2c3d-1111-2222-3333-444455556666",
        "PermissionsBoundary": f"arn:aws:iam::{ACCOUNT}:policy/boundary",
        "WebAclArn": f"arn:aws:wafv2:{REGION}:{ACCOUNT}:regional/webacl/churn/0a1b2c3d",
        "AccessLogBucket": "logs-of-mine",
        "AlarmEmail": "operators@example.com",
        "CorsOrigins": "https://crm.example.com",
        "ScoreConcurrency": "20",
        "ScoreSnapStart": "PublishedVersions",
        "Environment": "prod",
        "Architecture": "x86_64",
        "LogRetentionDays": "90",
    },
}
CHECKS: Final[dict[str, Callable[[DeployedStack], None]]] = {
    name.removeprefix("check_"): check
    for module in (
        checks_api,
        checks_functions,
        checks_storage,
        checks_events,
        checks_roles,
        checks_alarms,
    )
    for name, check in inspect.getmembers(module, inspect.isfunction)
    if name.startswith("check_")
}


@pytest.mark.parametrize("parameters", STACKS)
@pytest.mark.parametrize("check", CHECKS)
def test_the_check_passes(deploy: Callable[..., DeployedStack], check: str, parameters: str) -> None:
    CHECKS[check](deploy(**STACKS[parameters]))


def test_the_stacks_cover_every_authorizer(deploy: Callable[..., DeployedStack]) -> None:
    ways = {deploy(**parameters).parameters["ApiAuthorizer"] for parameters in STACKS.values()}
    assert ways == {"AWS_IAM", "COGNITO", "NONE"}


@pytest.mark.parametrize("parameters", STACKS)
def test_cloudformation_accepts_the_parameters(deploy: Callable[..., DeployedStack], parameters: str) -> None:
    assert deploy(**STACKS[parameters]).broken_rules() == []
