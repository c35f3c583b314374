"""Functions built by SAM, for the tests that run them."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from emulator import REPOSITORY, LambdaTools, MissingToolError, find_tools

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
            result = subprocess.run(
                [lambda_tools.sam, "build", function, "--build-dir", target],
                cwd=REPOSITORY,
                env=os.environ
                | {
                    "ARCH": architecture,
                    "LAMBDA_PYTHON": str(lambda_tools.python),
                    "LAMBDA_PYTHON_VERSION": lambda_tools.python_version,
                    "MODEL": str(sample_bundle),
                    "SAM_CLI_TELEMETRY": "0",
                },
                capture_output=True,
                text=True,
                check=False,
            )
            assert result.returncode == 0, result.stdout + result.stderr
            built[function, architecture] = target / function
        return built[function, architecture]

    return build
