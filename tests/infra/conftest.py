"""The template after the SAM transform, and stacks of it."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import pytest

from tests.infra.deployed_stack import DeployedStack
from tests.infra.template_reader import SAM_BIN, Resources, transformed

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(scope="session")
def template() -> dict[str, Any]:
    """The transformed template with its parameters' defaults."""
    if not (SAM_BIN / "sam").exists():
        pytest.skip("AWS SAM is not installed in .sam-venv; run 'make setup-sam'.")
    return transformed()


@pytest.fixture(scope="session")
def resources(template: dict[str, Any]) -> Resources:
    """Its resources, with references and conditions as they stand."""
    result: Resources = template["Resources"]
    return result


@pytest.fixture(scope="session")
def deploy(template: dict[str, Any]) -> Callable[..., DeployedStack]:
    """Return the stack that parameters make; to be read only."""

    @functools.cache
    def stack(**parameters: str) -> DeployedStack:
        return DeployedStack(template, parameters)

    return stack


@pytest.fixture(scope="session")
def stack(deploy: Callable[..., DeployedStack]) -> DeployedStack:
    """The stack with its defaults."""
    return deploy()
