"""A changed function or parameter publishes a version, so that the change reaches the alias."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from infra.build.deploy import DIGEST, digest_of
from tests.infra.deployed_stack import DeployedStack
from tests.infra.template.test_checklist import STACKS
from tests.infra.template_reader import REPOSITORY, SAM_BIN, TEMPLATE, run

FUNCTIONS: Final = ("ScoreFunction", "BatchFunction")
FUNCTION_ALONE: Final = ("ReservedConcurrentExecutions", "RecursiveLoop")
"""Properties of the function itself, which no version has."""
OTHER_VALUES: Final = {
    name: value for parameters in STACKS.values() for name, value in parameters.items() if value != "false"
}


def version_names(template: Path) -> dict[str, dict[str, str]]:
    """Return the logical id of each version by the changed property; "" stands for none."""
    module = "tests.infra.template.version_names"
    found: dict[str, dict[str, str]] = json.loads(run(SAM_BIN / "python", "-m", module, template))
    return found


@pytest.fixture(scope="module")
def names(template: dict[str, Any]) -> dict[str, dict[str, str]]:
    # The fixture `template` skips where SAM is not installed.
    assert template
    return version_names(TEMPLATE)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_each_changed_property_of_a_function_makes_a_new_version(
    names: dict[str, dict[str, str]], function: str
) -> None:
    unchanged = names[function].pop("", None)
    assert {"Timeout", "MemorySize", "Environment", "Role", "Runtime", "KmsKeyArn"} <= set(names[function])
    assert [key for key, name in names[function].items() if name == unchanged] == []


def test_without_all_properties_a_changed_timeout_would_never_reach_the_alias(
    names: dict[str, dict[str, str]], tmp_path: Path
) -> None:
    planted = tmp_path / "template.yaml"
    text = TEMPLATE.read_text(encoding="utf-8")
    planted.write_text(text.replace("AutoPublishAliasAllProperties: true", ""), encoding="utf-8")
    for function, found in version_names(planted).items():
        assert found["Timeout"] == found[""], function
    assert set(names) == set(FUNCTIONS)


def other_value(parameter: dict[str, Any], name: str) -> str:
    """Return a value that the parameter allows and that is not its default."""
    if "AllowedValues" in parameter:
        return next(str(one) for one in parameter["AllowedValues"] if one != parameter["Default"])
    if parameter["Type"] == "Number":
        return str(parameter["MinValue"] if parameter["Default"] != parameter["MinValue"] else 2)
    return OTHER_VALUES[name]


def published(stack: DeployedStack, function: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the properties of a function's version, and those properties that a version takes over."""
    (version,) = (
        version
        for version in stack.of_type("AWS::Lambda::Version").values()
        if version["FunctionName"] == stack.physical_name(function)
    )
    own = {k: v for k, v in stack.properties(function).items() if k not in FUNCTION_ALONE}
    return version, own


@pytest.mark.parametrize("function", FUNCTIONS)
def test_each_changed_parameter_makes_a_new_version(
    template: dict[str, Any], deploy: Callable[..., DeployedStack], function: str
) -> None:
    """CloudFormation replaces a version with another description, if Lambda has something new to publish."""
    before, own_before = published(deploy(**{DIGEST: digest_of({})}), function)
    for name, parameter in template["Parameters"].items():
        if name == DIGEST:
            continue
        given = {name: other_value(parameter, name)}
        after, own_after = published(deploy(**given, **{DIGEST: digest_of(given)}), function)
        assert after["Description"] != before["Description"], name
        # Otherwise Lambda answers "A version for this Lambda function exists".
        assert own_after != own_before, name


@pytest.mark.parametrize("function", FUNCTIONS)
def test_without_a_digest_parameters_that_the_function_uses_still_make_a_version(
    template: dict[str, Any], deploy: Callable[..., DeployedStack], function: str
) -> None:
    before, own_before = published(deploy(), function)
    used = set()
    for name, parameter in template["Parameters"].items():
        if name == DIGEST:
            continue
        after, own_after = published(deploy(**{name: other_value(parameter, name)}), function)
        # Never one without the other: a version that is not needed would fail the deployment.
        assert (after == before) == (own_after == own_before), name
        used |= {name} if after != before else set()
    assert {"Environment", "Architecture", "KmsKeyArn"} <= used


def test_the_template_accepts_a_digest_and_no_other_text(template: dict[str, Any]) -> None:
    pattern = template["Parameters"][DIGEST]["AllowedPattern"]
    assert re.fullmatch(pattern, digest_of({"Environment": "prod"}))
    assert not re.fullmatch(pattern, "prod")


def test_the_makefile_deploys_with_the_digest() -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    (recipe,) = re.findall(r"^deploy:.*\n\t(.+)", makefile, re.MULTILINE)
    assert "-m infra.build.deploy" in recipe
