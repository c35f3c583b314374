"""Write what the images are made of: both functions as SAM builds them, and the front with its packages.

Usage: prepare.py [--model DIR]; `docker compose up --build` follows.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from infra.local.emulator import REPOSITORY, RUNTIME_VERSION, MissingToolError, find_tools
from infra.local.function_build import BuildError, build_functions

if TYPE_CHECKING:
    from infra.local.emulator import LambdaTools

PREPARED: Final = Path("build", "containers")
"""Where the Dockerfile looks for it, from the folder of compose.yaml."""

_FRONT_SOURCES: Final = (
    "template.yaml",
    "infra/__init__.py",
    "infra/local",
    "infra/containers",
    "churn_core/__init__.py",
    "churn_core/errors.py",
    "functions/__init__.py",
    "functions/score/__init__.py",
    "functions/serve/asgi_gateway.py",
)


def main() -> int:
    """Prepare; return 0, or 1 if something could not be built, 2 on wrong usage."""
    parser = argparse.ArgumentParser(prog="prepare")
    parser.add_argument("--model", type=Path, default=Path("models/churn"), help="bundle to build in")
    options = parser.parse_args()
    if not (options.model / "manifest.json").exists():
        parser.error(f"There is no model in {options.model}; run 'make demo', or set MODEL to a bundle.")
    try:
        prepare(find_tools(), options.model, REPOSITORY / PREPARED)
    except (MissingToolError, BuildError, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        return 1
    print("Ready; 'docker compose up --build' makes the images and starts the stack.")
    return 0


def prepare(tools: LambdaTools, model: Path, target: Path) -> None:
    """Write the functions, SAM's template of them, and the front into a folder.

    Parameters
    ----------
    tools : LambdaTools
    model : Path
        The bundle to bake in.
    target : Path
        Folder for it all; what an earlier run has left there is replaced.

    Raises
    ------
    BuildError
        If SAM can't build a function.
    MissingToolError
        If there is no Python of the Lambda's version: the images have no other.
    subprocess.CalledProcessError
        If a package of the front can't be installed.
    """
    if tools.python_version != RUNTIME_VERSION:
        raise MissingToolError(
            f"The images hold Python {RUNTIME_VERSION}, and there is none here to build for; "
            "install one (pyenv install 3.13.0) or set LAMBDA_PYTHON."
        )
    build_functions(tools, model, target / "functions")
    front = target / "front"
    shutil.rmtree(front, ignore_errors=True)
    subprocess.run(
        [
            *(tools.uv, "pip", "install", "--quiet", "--target", front / "packages"),
            *("--python", tools.python, "--python-platform", _platform(tools)),
            *("--require-hashes", "--only-binary", ":all:", "--no-deps"),
            *("-r", REPOSITORY / "requirements" / "front.txt"),
        ],
        check=True,
        env=os.environ | {"UV_PYTHON_DOWNLOADS": "never"},
    )
    for source in _FRONT_SOURCES:
        _copy(REPOSITORY / source, front / source)
    # Whoever prepares it may keep files to themselves; in the container nobody's user reads them.
    subprocess.run(["chmod", "-R", "u=rwX,go=rX", front], check=True)


def _platform(tools: LambdaTools) -> str:
    """Return for which C library packages are chosen: that of AWS's image, not this machine's."""
    return f"{'aarch64' if tools.architecture == 'arm64' else tools.architecture}-manylinux_2_28"


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


if __name__ == "__main__":
    sys.exit(main())
