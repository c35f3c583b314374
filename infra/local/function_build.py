"""Build a function for this machine, with the command that also builds it for AWS."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Final

from churn_core.scoring.bundle import load_bundle
from infra.local.emulator import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from infra.local.emulator import LambdaTools

SOURCES: Final = ("template.yaml", "infra/build/Makefile", "requirements", "churn_core", "functions")
HANDLERS: Final = {
    "ScoreFunction": "functions.score.app.lambda_handler",
    "BatchFunction": "functions.batch.app.lambda_handler",
    "PreTrafficFunction": "functions.pre_traffic.app.lambda_handler",
    "BackfillFunction": "functions.backfill.app.lambda_handler",
}

KEPT_BUILDS: Final = 4
"""Of each function."""


class BuildError(Exception):
    """SAM could not build; the message is what it said."""


def build_function(
    function: str, tools: LambdaTools, model: Path, target: Path, architecture: str | None = None
) -> Path:
    """Build one function by ``sam build``.

    Parameters
    ----------
    function : str
        Its logical id in the template.
    tools : LambdaTools
    model : Path
        The bundle to bake in.
    target : Path
        Folder to build into; made anew.
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
    _sam_build(tools, model, target, architecture, function)
    return target / function


def build_functions(tools: LambdaTools, model: Path, target: Path) -> Path:
    """Build all functions for this machine; return the template that SAM writes beside them.

    Raises
    ------
    BuildError
        If the build fails.
    """
    _sam_build(tools, model, target)
    return target / "template.yaml"


def _sam_build(
    tools: LambdaTools, model: Path, target: Path, architecture: str | None = None, *functions: str
) -> None:
    result = subprocess.run(
        [tools.sam, "build", *functions, "--build-dir", target],
        cwd=REPOSITORY,
        env=os.environ
        | {
            "ARCH": architecture or tools.architecture,
            "LAMBDA_PYTHON": str(tools.python),
            "LAMBDA_PYTHON_VERSION": tools.python_version,
            "MODEL": str(model.resolve()),
            "SAM_CLI_TELEMETRY": "0",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise BuildError(result.stdout + result.stderr)


def up_to_date_function(
    function: str, tools: LambdaTools, model: Path, architecture: str | None = None
) -> Path:
    """Return a function's bundle, built only where something that it is made of changed.

    Builds that were used last are kept, one for each model, since one of them may be running.

    Raises
    ------
    BuildError
        If the build fails.
    """
    made_of = _digest(tools, model, architecture or tools.architecture)
    folder = REPOSITORY / "build" / "functions" / function
    target = folder / made_of[:12]
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
            # The stamp goes first: what is left of a build that is being removed is none.
            old.unlink()
            shutil.rmtree(old.parent)
    return target / function


def _digest(tools: LambdaTools, model: Path, architecture: str) -> str:
    digest = hashlib.sha256(f"{tools.python_version} {architecture}".encode())
    # The manifest's own digest leaves out when it was made.
    digest.update(load_bundle(model).model_digest.encode())
    for path in _source_files():
        digest.update(f"\0{path.relative_to(REPOSITORY)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _source_files() -> Iterator[Path]:
    for source in SOURCES:
        path = REPOSITORY / source
        yield from (
            [path]
            if path.is_file()
            else sorted(
                file for file in path.rglob("*") if file.is_file() and "__pycache__" not in file.parts
            )
        )
