"""samconfig.toml sets only parameters that the template has, to values that it accepts."""

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
def test_the_template_accepts_the_parameters(
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
def test_each_section_deploys_to_its_environment(section: str, environment: str) -> None:
    assert overrides(section)["Environment"] == environment
    name = CONFIG[section]["global"]["parameters"]["stack_name"]
    assert name == f"churn-{environment}"
    # Bucket names contain it, the account and the region; S3 allows 63 characters.
    assert len(f"{name}-output-123456789012-ap-southeast-2") <= 63
    # CloudFormation chooses the roles' names.
    assert CONFIG[section]["deploy"]["parameters"]["capabilities"] == ["CAPABILITY_IAM"]


def test_every_section_is_an_environment() -> None:
    assert {name for name, content in CONFIG.items() if isinstance(content, dict)} == set(SECTIONS)


def test_only_dev_shifts_all_traffic_at_once_and_prod_asks_first() -> None:
    kinds = {section: overrides(section)["DeploymentType"] for section in SECTIONS}
    assert kinds["default"] == "AllAtOnce"
    assert kinds["staging"].startswith("Canary")
    assert kinds["prod"].startswith("Canary")
    assert CONFIG["prod"]["deploy"]["parameters"]["confirm_changeset"] is True


def test_the_api_stays_closed_and_the_file_holds_no_secret() -> None:
    text = (REPOSITORY / "samconfig.toml").read_text(encoding="utf-8")
    assert "ApiAuthorizer=NONE" not in text
    assert not [name for section in SECTIONS for name in overrides(section) if "Secret" in name]
