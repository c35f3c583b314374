"""samconfig.toml gives each environment parameters that the template has, with values that it takes."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from typing import Any, Final

import pytest

from tests.infra.deployed_stack import DeployedStack
from tests.infra.template_reader import REPOSITORY

SECTIONS: Final = {"default": "dev", "staging": "staging", "prod": "prod"}
CONFIG: Final[dict[str, Any]] = tomllib.loads((REPOSITORY / "samconfig.toml").read_text(encoding="utf-8"))


def overrides(section: str) -> dict[str, str]:
    pairs = CONFIG[section]["deploy"]["parameters"]["parameter_overrides"]
    return dict(pair.split("=", 1) for pair in pairs)


@pytest.mark.parametrize("section", SECTIONS)
def test_the_template_takes_them(
    template: dict[str, Any], deploy: Callable[..., DeployedStack], section: str
) -> None:
    given = overrides(section)
    assert deploy(**given).broken_rules() == []
    for name, value in given.items():
        parameter = template["Parameters"][name]
        allowed = [str(one) for one in parameter.get("AllowedValues", [value])]
        assert value in allowed, name
        if "MinValue" in parameter:
            assert parameter["MinValue"] <= float(value) <= parameter["MaxValue"], name


@pytest.mark.parametrize(("section", "environment"), SECTIONS.items())
def test_each_is_for_its_environment(section: str, environment: str) -> None:
    assert overrides(section)["Environment"] == environment
    name = CONFIG[section]["global"]["parameters"]["stack_name"]
    assert name == f"churn-{environment}"
    # Buckets are called after it, the account and the region; S3 allows 63 characters.
    assert len(f"{name}-output-123456789012-ap-southeast-2") <= 63
    # Names of roles are CloudFormation's own.
    assert CONFIG[section]["deploy"]["parameters"]["capabilities"] == ["CAPABILITY_IAM"]


def test_every_section_is_an_environment() -> None:
    assert {name for name, content in CONFIG.items() if isinstance(content, dict)} == set(SECTIONS)


def test_only_dev_moves_all_requests_at_once_and_prod_asks_before() -> None:
    kinds = {section: overrides(section)["DeploymentType"] for section in SECTIONS}
    assert kinds["default"] == "AllAtOnce"
    assert kinds["staging"].startswith("Canary")
    assert kinds["prod"].startswith("Canary")
    assert CONFIG["prod"]["deploy"]["parameters"]["confirm_changeset"] is True


def test_nothing_opens_the_api_and_nothing_is_secret() -> None:
    text = (REPOSITORY / "samconfig.toml").read_text(encoding="utf-8")
    assert "ApiAuthorizer=NONE" not in text
    assert not [name for section in SECTIONS for name in overrides(section) if "Secret" in name]
