"""Functions built by SAM, for the tests that run them."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from infra.local.cgroup import Cgroup, NoCgroupError
from infra.local.emulator import LambdaTools, MissingToolError, find_tools
from infra.local.function_build import up_to_date_function
from infra.local.template_settings import TemplateSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def lambda_tools() -> LambdaTools:
    """The tools that build and run functions here."""
    try:
        return find_tools()
    except MissingToolError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def built_function(lambda_tools: LambdaTools, sample_bundle: Path) -> Callable[[str, str], Path]:
    """Build a function with the command that also builds for AWS, unless that is done already."""
    return lambda function, architecture: up_to_date_function(
        function, lambda_tools, sample_bundle, architecture
    )


@pytest.fixture
def limits_of() -> Iterator[Callable[[str], Cgroup]]:
    """Limit what is started to a function's memory and processor, until the test is over."""
    with ExitStack() as stack:

        def enter(function: str) -> Cgroup:
            try:
                return stack.enter_context(Cgroup(TemplateSettings().function(function).memory_mb))
            except NoCgroupError as error:
                pytest.skip(str(error))

        yield enter
