"""Packages made from functions that are built already."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final

import pytest

from churn_core.scoring.bundle import load_bundle
from infra.build import package_functions
from infra.build.package_functions import Package, package
from infra.local.tools import REPOSITORY, RUNTIME_VERSION, LambdaTools

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

LOCKS: Final = {"ScoreFunction": "score", "BatchFunction": "batch"}
"""The functions of the packages, and their locks in requirements/."""


@pytest.fixture(scope="session")
def sbom_tools() -> None:
    """The tools for bills of materials; the test is skipped where they are not installed."""
    if not (REPOSITORY / ".sbom-venv" / "bin" / "python").exists():
        pytest.skip("the tools for bills of materials are not installed; run 'make setup-sbom'")


@pytest.fixture(scope="module")
def built_beforehand(
    sbom_tools: None,
    built_function: Callable[[str, str], Path],
    lambda_tools: LambdaTools,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[None]:
    """Replace SAM's build by copies of functions that are built already.

    The copies lack the libraries' code, which takes long to compress.
    """
    if lambda_tools.python_version != RUNTIME_VERSION:
        pytest.skip(f"packages need Python {RUNTIME_VERSION}: install it, or set LAMBDA_PYTHON to it")

    def copy(target: Path, variables: Mapping[str, str]) -> None:
        for function in LOCKS:
            built = built_function(function, variables["ARCH"])
            for source in (built / "model", built / "functions", *built.glob("*.dist-info")):
                shutil.copytree(source, target / function / source.name)
        lines = "".join(f"  {name}:\n    Properties:\n      CodeUri: {name}\n" for name in LOCKS)
        (target / "template.yaml").write_text(f"Resources:\n{lines}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(package_functions, "sam_build", copy)
        patch.setenv("LAMBDA_PYTHON", str(lambda_tools.python))
        yield


@pytest.fixture(scope="module")
def packages(
    built_beforehand: None,
    lambda_tools: LambdaTools,
    sample_bundle: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, list[Package]]:
    """The folder of the packages for production, and the packages."""
    target = tmp_path_factory.mktemp("packages") / "prod"
    digest = load_bundle(sample_bundle).model_digest
    return target, package("prod", lambda_tools.architecture, str(sample_bundle), digest, target)
