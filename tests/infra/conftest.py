"""The template after the SAM transform, and stacks that are deployed from it."""

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
    """The transformed template with the default parameters."""
    if not (SAM_BIN / "sam").exists():
        pytest.skip("AWS SAM is not installed in .sam-venv; run 'make setup-sam'.")
    return transformed()


@pytest.fixture(scope="session")
def resources(template: dict[str, Any]) -> Resources:
    """Its resources, with references and conditions not yet resolved."""
    result: Resources = template["Resources"]
    return result


@pytest.fixture(scope="session")
def deploy(template: dict[str, Any]) -> Callable[..., DeployedStack]:
    """Return the stack for some parameters. Tests share it, so they must not change it."""

    @functools.cache
    def stack(**parameters: str) -> DeployedStack:
        return DeployedStack(template, parameters)

    return stack


@pytest.fixture(scope="session")
def stack(deploy: Callable[..., DeployedStack]) -> DeployedStack:
    """The stack with the default parameters."""
    return deploy()
