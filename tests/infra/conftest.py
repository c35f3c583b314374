"""The template after the SAM transform."""

from __future__ import annotations

from typing import Any

import pytest
from template_reader import SAM_BIN, Resources, transformed


@pytest.fixture(scope="session")
def template() -> dict[str, Any]:
    """The transformed template with its parameters' defaults."""
    if not (SAM_BIN / "sam").exists():
        pytest.skip("AWS SAM is not installed in .sam-venv; run 'make setup-sam'.")
    return transformed()


@pytest.fixture(scope="session")
def resources(template: dict[str, Any]) -> Resources:
    """Its resources."""
    result: Resources = template["Resources"]
    return result
