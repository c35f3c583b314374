"""An environment for each peer, from its lock."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from infra.local.tools import REPOSITORY

ENVIRONMENTS: Final = REPOSITORY / ".bench-venvs"


class NoEnvironmentError(Exception):
    """A peer's environment could not be made; the message says which."""


def environment_python(name: str) -> Path:
    """Return the interpreter of a peer's environment; it is made anew when the lock has changed.

    Parameters
    ----------
    name : str
        The lock is ``requirements/bench-<name>.txt``.

    Raises
    ------
    NoEnvironmentError
        If a package can't be installed; uv has said why.
    """
    lock = REPOSITORY / "requirements" / f"bench-{name}.txt"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    folder = ENVIRONMENTS / name
    python, stamp = folder / "bin" / "python", folder / "lock.sha256"
    if stamp.exists() and stamp.read_text(encoding="ascii") == digest:
        return python
    print(f"Installing {name} into {folder.relative_to(REPOSITORY)} ...", flush=True)
    uv = Path(sys.executable).with_name("uv")
    variables = os.environ | {"UV_PYTHON_DOWNLOADS": "never"}
    commands: tuple[list[str | Path], ...] = (
        ["venv", "--quiet", "--clear", "--python", sys.executable, folder],
        ["pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", lock],
    )
    for arguments in commands:
        if subprocess.run([uv, *arguments], check=False, env=variables).returncode != 0:
            raise NoEnvironmentError(f"{lock.name} can't be installed under this Python; uv says why above.")
    stamp.write_text(digest, encoding="ascii")
    return python


def versions(python: Path, packages: tuple[str, ...]) -> str:
    """Return the versions of an environment's packages."""
    program = "import sys; from importlib.metadata import version as v; print(*map(v, sys.argv[1:]))"
    found = subprocess.run([python, "-c", program, *packages], capture_output=True, text=True, check=True)
    return ", ".join(
        f"{package} {version}" for package, version in zip(packages, found.stdout.split(), strict=True)
    )
