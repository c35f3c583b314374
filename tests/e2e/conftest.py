"""Functions built by SAM, for the tests that run them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from emulator import LambdaTools, MissingToolError, find_tools
from function_build import build_function

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="session")
def lambda_tools() -> LambdaTools:
    """The tools that build and run functions here."""
    try:
        return find_tools()
    except MissingToolError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def built_function(
    lambda_tools: LambdaTools, sample_bundle: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, str], Path]:
    """Build a function, once for each architecture, with the command that also builds for AWS."""
    built: dict[tuple[str, str], Path] = {}

    def build(function: str, architecture: str) -> Path:
        if (function, architecture) not in built:
            target = tmp_path_factory.mktemp("sam-build")
            built[function, architecture] = build_function(
                function, lambda_tools, sample_bundle, target, architecture
            )
        return built[function, architecture]

    return build
