"""Write the content of the images: the functions as SAM builds them, and the service `front`.

Usage: python -m infra.containers.prepare [--model DIR]. Then run `docker compose up --build`.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from infra.local.function_build import BuildError, add_model_option, build_variables, sam_build
from infra.local.tools import REPOSITORY, RUNTIME_VERSION, MissingToolError, find_tools, install_packages

if TYPE_CHECKING:
    from infra.local.tools import LambdaTools

PREPARED: Final = Path("build", "containers")
"""The folder from which the Dockerfile copies, relative to compose.yaml."""

_FRONT_SOURCES: Final = (
    "template.yaml",
    "infra/__init__.py",
    "infra/local",
    "infra/containers",
    "churn_core/__init__.py",
    "churn_core/errors.py",
    "functions/__init__.py",
    "functions/score/__init__.py",
    "functions/score/limits.py",
    "functions/serve/__init__.py",
    "functions/serve/asgi_gateway.py",
    "functions/serve/http_server.py",
)
"""What the services `aws` and `front` import of this project."""


def main() -> int:
    """Run the command; return 0, 1 if something could not be built, or 2 on wrong usage."""
    parser = argparse.ArgumentParser(prog="make containers")
    add_model_option(parser)
    options = parser.parse_args()
    try:
        prepare(find_tools(), options.model, REPOSITORY / PREPARED)
    except (MissingToolError, BuildError, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        return 1
    print("Ready. Run 'docker compose up --build' to build the images and start the stack.")
    return 0


def prepare(tools: LambdaTools, model: Path, target: Path) -> None:
    """Write the functions, SAM's template and the service `front` into a folder.

    Parameters
    ----------
    tools : LambdaTools
    model : Path
        The bundle to build into the functions.
    target : Path
        Folder to write to; the content of an earlier run is replaced.

    Raises
    ------
    BuildError
        If SAM can't build a function.
    MissingToolError
        If the Lambda's version of Python is not installed; the images have no other.
    subprocess.CalledProcessError
        If a package of `front` can't be installed.
    """
    if tools.python_version != RUNTIME_VERSION:
        raise MissingToolError(
            f"The images run Python {RUNTIME_VERSION}, which is not installed here; "
            "install it (pyenv install 3.13.0) or set LAMBDA_PYTHON to it."
        )
    sam_build(target / "functions", build_variables(tools, model))
    front = target / "front"
    shutil.rmtree(front, ignore_errors=True)
    lock = REPOSITORY / "requirements" / "front.txt"
    install_packages(tools, lock, front / "packages", "--python-platform", _platform(tools), "--no-deps")
    copy_front_sources(front)
    # The containers' user must read the files, also if this user's umask is 077.
    subprocess.run(["chmod", "-R", "u=rwX,go=rX", front], check=True)


def _platform(tools: LambdaTools) -> str:
    """Return uv's name of the platform of AWS's image, whose C library differs from this machine's."""
    return f"{'aarch64' if tools.architecture == 'arm64' else tools.architecture}-manylinux_2_28"


def copy_front_sources(front: Path) -> None:
    """Copy the project's files that the services `aws` and `front` import."""
    for name in _FRONT_SOURCES:
        source, target = REPOSITORY / name, front / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)


if __name__ == "__main__":
    sys.exit(main())
