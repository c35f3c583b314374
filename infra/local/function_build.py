"""Build a function for this machine, with the command that also builds it for AWS."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Final

from emulator import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from emulator import LambdaTools

SOURCES: Final = ("template.yaml", "infra/build/Makefile", "requirements", "churn_core", "functions")
HANDLERS: Final = {
    "ScoreFunction": "functions.score.app.lambda_handler",
    "BatchFunction": "functions.batch.app.lambda_handler",
}


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
    """Build both functions for this machine; return the template that SAM writes beside them.

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


def up_to_date_function(function: str, tools: LambdaTools, model: Path) -> Path:
    """Return a function's bundle for this machine, built only where something that it is made of changed.

    Raises
    ------
    BuildError
        If the build fails.
    """
    target = REPOSITORY / "build" / "functions" / function
    stamp = target / "made-of"
    digest = _digest(tools, model)
    if not (stamp.exists() and stamp.read_text(encoding="utf-8") == digest):
        shutil.rmtree(target, ignore_errors=True)
        build_function(function, tools, model, target)
        stamp.write_text(digest, encoding="utf-8")
    return target / function


def _digest(tools: LambdaTools, model: Path) -> str:
    digest = hashlib.sha256(f"{tools.python_version} {tools.architecture}".encode())
    for path in [*_source_files(), model / "manifest.json", model / "model.onnx"]:
        digest.update(f"\0{path}\0".encode())
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
