"""Build the functions by `sam build`, for this machine or for AWS, and reuse builds that are up to date."""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

from churn_core.scoring.bundle import load_bundle
from infra.local.tools import REPOSITORY, SAM

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from infra.local.tools import LambdaTools

KEPT_BUILDS: Final = 4
"""Of each function."""

_MAKEFILE: Final = "infra/build/Makefile"
_OUTER_MAKE: Final = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")


class BuildError(Exception):
    """A build failed; the message is the output of `sam` or `make`."""


def add_model_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--model``, the folder of the bundle to build into the functions; it must hold a bundle."""
    parser.add_argument(
        "--model",
        type=_bundle_folder,
        default="models/churn",
        help="folder of the bundle to build into the functions (default: %(default)s)",
    )


def _bundle_folder(text: str) -> Path:
    folder = Path(text)
    if not (folder / "manifest.json").exists():
        raise argparse.ArgumentTypeError(
            f"There is no model in {folder}; run 'make demo', or set MODEL to the folder of a bundle."
        )
    return folder


def build_function(
    function: str, tools: LambdaTools, model: Path, target: Path, architecture: str | None = None
) -> Path:
    """Build one function.

    Parameters
    ----------
    function : str
        Its logical id in the template.
    tools : LambdaTools
    model : Path
        The bundle to ship with it.
    target : Path
        Folder to build into; SAM replaces what is there.
    architecture : str, optional
        ``x86_64`` or ``arm64``; this machine's by default.

    Returns
    -------
    Path
        The folder that would become the zip.

    Raises
    ------
    BuildError
        If the build fails.
    """
    sam_build(target, build_variables(tools, model, architecture), function)
    return target / function


def build_variables(tools: LambdaTools, model: Path, architecture: str | None = None) -> dict[str, str]:
    """Return the variables that infra/build/Makefile reads."""
    return {
        "ARCH": architecture or tools.architecture,
        "LAMBDA_PYTHON": str(tools.python),
        "LAMBDA_PYTHON_VERSION": tools.python_version,
        "MODEL": str(model.resolve()),
    }


def sam_build(target: Path, variables: Mapping[str, str], *functions: str) -> None:
    """Run `sam build` for some functions, or for all.

    Parameters
    ----------
    target : Path
        Folder to build into.
    variables : mapping
        For infra/build/Makefile.
    functions : str
        Logical ids of the template; all functions if there are none.

    Raises
    ------
    BuildError
        If the build fails.
    """
    result = subprocess.run(
        [SAM, "build", *functions, "--build-dir", target],
        cwd=REPOSITORY,
        env=environment_without_make() | {"SAM_CLI_TELEMETRY": "0", **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise BuildError(result.stdout + result.stderr)


def run_make(*targets: str, variables: Mapping[str, str] | None = None) -> str:
    """Return what targets of infra/build/Makefile print.

    Raises
    ------
    BuildError
        If make fails; the message is what it printed as the error.
    """
    result = subprocess.run(
        ["make", "--silent", "-f", _MAKEFILE, *targets],
        cwd=REPOSITORY,
        env=environment_without_make() | {"ARTIFACTS_DIR": "none", **(variables or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise BuildError(result.stderr.strip())
    return result.stdout


def environment_without_make() -> dict[str, str]:
    """Return this process's variables without those that `make` sets for a make below it."""
    return {name: value for name, value in os.environ.items() if name not in _OUTER_MAKE}


def up_to_date_function(
    function: str, tools: LambdaTools, model: Path, architecture: str | None = None
) -> Path:
    """Return a built function; it is built only if something changed that it is made from.

    The builds that were used last are kept: another process may run one of them.

    Raises
    ------
    BuildError
        If the build fails.
    """
    digest = _source_digest(function, tools, model, architecture or tools.architecture)
    folder = REPOSITORY / "build" / "functions" / function
    target = folder / digest[:12]
    stamp = target / "complete"
    folder.mkdir(parents=True, exist_ok=True)
    # One build at a time: another process may want the same one.
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists():
            shutil.rmtree(target, ignore_errors=True)
            build_function(function, tools, model, target, architecture)
        stamp.touch()
        for old in sorted(folder.glob("*/complete"), key=lambda kept: kept.stat().st_mtime)[:-KEPT_BUILDS]:
            # The stamp is removed first, so that a build that is half removed is never used.
            old.unlink()
            shutil.rmtree(old.parent)
    return target / function


def _source_digest(function: str, tools: LambdaTools, model: Path, architecture: str) -> str:
    digest = hashlib.sha256(f"{tools.python_version} {architecture}".encode())
    # Not the manifest's bytes: they hold the time of training.
    digest.update(load_bundle(model).model_digest.encode())
    for path in _source_files(function):
        digest.update(f"\0{path.relative_to(REPOSITORY)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _source_files(function: str) -> Iterator[Path]:
    sources = run_make(f"ships-{function}", f"lock-of-{function}").split()
    for source in ("template.yaml", _MAKEFILE, *sources):
        path = REPOSITORY / source
        if path.is_file():
            yield path
        else:
            yield from sorted(
                file for file in path.rglob("*") if file.is_file() and "__pycache__" not in file.parts
            )
