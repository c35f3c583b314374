"""The tools that build and run the functions on this machine: SAM, its emulator, uv, a Python for Lambda."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parents[2]
SAM: Final = REPOSITORY / ".sam-venv" / "bin" / "sam"
RUNTIME_VERSION: Final = "3.13"
"""The Python of the template's Runtime."""


class MissingToolError(Exception):
    """A tool is missing; the message says what to install."""


@dataclass(frozen=True, slots=True)
class LambdaTools:
    """What is needed to build a function here and to run it.

    Attributes
    ----------
    sam : Path
        The SAM command line, in an environment of its own.
    emulator : Path
        AWS's runtime interface emulator for this machine; SAM ships it.
    python : Path
        The interpreter to build for and to run under: the Lambda's version, or the version of this process
        where the Lambda's is not installed.
    python_version : str
        Its minor version, such as ``3.13``.
    architecture : str
        This machine's, as AWS names it: ``x86_64`` or ``arm64``.
    uv : Path
        Installs packages.
    """

    sam: Path
    emulator: Path
    python: Path
    python_version: str
    architecture: str
    uv: Path


def find_tools() -> LambdaTools:
    """Find the tools.

    Raises
    ------
    MissingToolError
        If SAM or uv is not installed.
    """
    architecture = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
    emulators = sorted(SAM.parent.parent.glob(f"lib/*/site-packages/samcli/local/rapid/*-{architecture}"))
    if not (SAM.exists() and emulators):
        raise MissingToolError("AWS SAM is not installed in .sam-venv; run 'make setup-sam'.")
    uv = shutil.which("uv", path=f"{REPOSITORY / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}")
    if uv is None:
        raise MissingToolError("uv is not installed in .venv; run 'make setup'.")
    python = _lambda_python()
    if python is None:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        # Not the virtual environment's: the bundle must run without its packages.
        python = Path(sys.base_prefix, "bin", f"python{version}")
    else:
        version = RUNTIME_VERSION
    return LambdaTools(SAM, emulators[0], python, version, architecture, Path(uv))


def _lambda_python() -> Path | None:
    """Return a Python of the Lambda's version that runs; pyenv's shim may exist and not run."""
    for command in filter(None, (os.environ.get("LAMBDA_PYTHON"), f"python{RUNTIME_VERSION}")):
        try:
            found = subprocess.run(
                [command, "-c", "import sys; print('%d.%d' % sys.version_info[:2], sys.executable)"],
                capture_output=True,
                text=True,
                check=True,
            )
        except (OSError, subprocess.CalledProcessError):
            continue
        version, executable = found.stdout.strip().split(" ", 1)
        if version == RUNTIME_VERSION:
            return Path(executable)
    if shutil.which("pyenv"):
        prefix = subprocess.run(["pyenv", "prefix", "3.13.0"], capture_output=True, text=True, check=False)
        python = Path(prefix.stdout.strip(), "bin", "python3.13")
        if prefix.returncode == 0 and python.exists():
            return python
    return None


def install_runtime(tools: LambdaTools) -> Path:
    """Return a folder with the packages of Lambda's Python runtime, installed once for each lock."""
    lock = REPOSITORY / "requirements" / "runtime.txt"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    target = REPOSITORY / "build" / f"runtime-{tools.python_version}-{digest}"
    if target.exists():
        return target
    target.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, ignore_cleanup_errors=True) as unfinished:
        packages = Path(unfinished, "packages")
        install_packages(tools, lock, packages)
        try:
            packages.rename(target)
        except OSError:
            # Another process has installed the same lock in the meantime.
            if not target.exists():
                raise
    return target


def install_packages(tools: LambdaTools, lock: Path, target: Path, *options: str) -> None:
    """Install a lock's wheels into a folder.

    Raises
    ------
    subprocess.CalledProcessError
        If uv fails; it has printed why.
    """
    command: list[str | Path] = [
        *(tools.uv, "pip", "install", "--quiet", "--require-hashes", "--only-binary", ":all:"),
        *("--python", tools.python, "--target", target, "-r", lock),
        *options,
    ]
    subprocess.run(command, check=True, env=os.environ | {"UV_PYTHON_DOWNLOADS": "never"})
