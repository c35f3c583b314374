"""A Docker engine, a stand-in for Lambda's base image and SAM's builds, for the tests of containers.

They take minutes and need root and some Debian packages. `make proof` runs them where these are installed.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from infra.containers.prepare import PREPARED, prepare
from infra.local.tools import REPOSITORY, RUNTIME_VERSION, LambdaTools, MissingToolError, find_tools
from tests.containers.docker_engine import DockerEngine, missing_for_engine
from tests.containers.lambda_base import BaseImageError, make_base_image, missing_for_base_image
from tests.proof_figures import cases, record_figure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def container_tools() -> LambdaTools:
    """The tools; the test is skipped with a list of what is missing for containers."""
    if not cases(0, "CHURN_CONTAINERS"):
        pytest.skip("takes minutes; set CHURN_CONTAINERS=1 (as 'make proof' does) to run it")
    missing = [*missing_for_engine(), *missing_for_base_image()]
    try:
        tools = find_tools()
    except MissingToolError as error:
        pytest.skip(" ".join([str(error), *missing]))
    if tools.python_version != RUNTIME_VERSION:
        missing.append(f"Python {RUNTIME_VERSION} is not installed; pyenv install 3.13.0.")
    if missing:
        pytest.skip(" ".join(missing))
    return tools


@pytest.fixture(scope="session")
def engine(container_tools: LambdaTools) -> Iterator[DockerEngine]:
    """A Docker engine only for the tests, with the base image."""
    with DockerEngine() as running:
        try:
            base = make_base_image(running, container_tools)
        except BaseImageError as error:
            pytest.skip(f"The base image can't be built: {error}")
        record_figure("Bytes of the stand-in for Lambda's base image", f"{running.image_bytes(base):,}")
        yield running


@pytest.fixture(scope="session")
def context(
    container_tools: LambdaTools, sample_bundle: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """A folder with the project's files for Docker and the output of `make containers`."""
    folder = tmp_path_factory.mktemp("containers")
    for name in ("Dockerfile", "compose.yaml", ".dockerignore"):
        shutil.copy(REPOSITORY / name, folder)
    # The containers' user must be able to read the files, even if they were written with this umask.
    own_mask = os.umask(0o077)
    try:
        prepare(container_tools, sample_bundle, folder / PREPARED)
    finally:
        os.umask(own_mask)
    yield folder
    shutil.rmtree(folder)
