"""An engine with a stand-in for Lambda's base image, and what SAM has built, for the tests of containers.

They take minutes, as root, with a few of Debian's packages: `make proof` runs them where that is at hand.
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
    """The tools, if everything that containers take is there; else the test says what is not."""
    if not cases(0, "CHURN_CONTAINERS"):
        pytest.skip("takes minutes; set CHURN_CONTAINERS=1 (as 'make proof' does) to run it")
    missing = [*missing_for_engine(), *missing_for_base_image()]
    try:
        tools = find_tools()
    except MissingToolError as error:
        pytest.skip(" ".join([str(error), *missing]))
    if tools.python_version != RUNTIME_VERSION:
        missing.append(f"There is no Python {RUNTIME_VERSION} to build for; pyenv install 3.13.0.")
    if missing:
        pytest.skip(" ".join(missing))
    return tools


@pytest.fixture(scope="session")
def engine(container_tools: LambdaTools) -> Iterator[DockerEngine]:
    """A daemon of the tests' own, with the base image."""
    with DockerEngine() as running:
        try:
            base = make_base_image(running, container_tools)
        except BaseImageError as error:
            pytest.skip(f"There is no base image: {error}")
        record_figure("Bytes of the stand-in for Lambda's base image", f"{running.image_bytes(base):,}")
        yield running


@pytest.fixture(scope="session")
def context(
    container_tools: LambdaTools, sample_bundle: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """A folder with the project's own files for Docker, and beside them what `make containers` writes."""
    folder = tmp_path_factory.mktemp("containers")
    for name in ("Dockerfile", "compose.yaml", ".dockerignore"):
        shutil.copy(REPOSITORY / name, folder)
    # As of somebody who keeps files to themselves: the containers' user must read them all the same.
    own_mask = os.umask(0o077)
    try:
        prepare(container_tools, sample_bundle, folder / PREPARED)
    finally:
        os.umask(own_mask)
    yield folder
    shutil.rmtree(folder)
