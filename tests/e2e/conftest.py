"""The functions as SAM builds them, for the tests that run them."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from infra.local.cgroup import Cgroup, NoCgroupError
from infra.local.function_build import up_to_date_function
from infra.local.template_settings import TemplateSettings
from infra.local.tools import LambdaTools, MissingToolError, find_tools

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def lambda_tools() -> LambdaTools:
    """The tools that build and run the functions."""
    try:
        return find_tools()
    except MissingToolError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def built_function(lambda_tools: LambdaTools, sample_bundle: Path) -> Callable[[str, str], Path]:
    """Return a built function by name and architecture; equal sources are built once, also between runs."""
    return lambda function, architecture: up_to_date_function(
        function, lambda_tools, sample_bundle, architecture
    )


@pytest.fixture
def limits_of() -> Iterator[Callable[[str], Cgroup]]:
    """Return a function's limits of memory and processor time, in force until the test is over."""
    with ExitStack() as stack:

        def enter(function: str) -> Cgroup:
            try:
                return stack.enter_context(Cgroup(TemplateSettings().function(function).memory_mb))
            except NoCgroupError as error:
                pytest.skip(str(error))

        yield enter
