"""A stand-in for AWS's base image of Lambda's Python, built from Debian packages without an image registry.

It has the parts of the real image that a function uses: Python 3.13, `/var/task`, `/var/runtime` with boto3
and the runtime interface client, the emulator, and an entrypoint with the same behaviour. C library and patch
version of Python are Debian's, so they differ from AWS's image.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from infra.local.tools import REPOSITORY, RUNTIME_VERSION, install_runtime

if TYPE_CHECKING:
    from infra.local.tools import LambdaTools
    from tests.containers.docker_engine import DockerEngine

SUITE: Final = "trixie"
"""The Debian release that has the Lambda's minor version of Python."""
BASE_IMAGE: Final = f"public.ecr.aws/lambda/python:{RUNTIME_VERSION}-x86_64"
"""The image name that SAM and the Dockerfile use."""

_DEBIAN_IMAGE: Final = f"debian-python:{SUITE}"
_RECIPE: Final = Path(__file__).parent / "lambda_base"


class BaseImageError(Exception):
    """debootstrap failed; the message is the last line of its output."""


def missing_for_base_image() -> list[str]:
    """Return the reasons why the image can't be built here, one sentence each."""
    if debian_tarball().exists():
        return []
    missing = []
    if shutil.which("debootstrap") is None:
        missing.append("debootstrap is not installed; apt-get install debootstrap.")
    if debian_mirror() is None:
        missing.append("/etc/apt names no Debian mirror from which to build the base image.")
    return missing


def debian_tarball() -> Path:
    """Return the archive of the Debian tree, which is kept between runs."""
    folder = os.environ.get("CHURN_CONTAINER_CACHE", REPOSITORY / "build" / "container-base")
    return Path(folder, f"{SUITE}-x86_64.tar")


def make_base_image(engine: DockerEngine, tools: LambdaTools) -> str:
    """Build the image in an engine; return its name.

    Raises
    ------
    BaseImageError
        If the Debian tree can't be created, for example because the mirror can't be reached.
    EngineError
        If a command for the engine fails.
    """
    if not debian_tarball().exists():
        _make_debian_tarball(debian_tarball())
    engine.run("docker", "import", debian_tarball(), _DEBIAN_IMAGE)
    with tempfile.TemporaryDirectory() as context:
        shutil.copytree(_RECIPE, context, dirs_exist_ok=True)
        shutil.copytree(install_runtime(tools), Path(context, "runtime"))
        shutil.copy(tools.emulator, Path(context, "aws-lambda-rie"))
        engine.run("docker", "build", "--quiet", "--tag", BASE_IMAGE, context)
    return BASE_IMAGE


def _make_debian_tarball(target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as unfinished:
        root, tarball = Path(unfinished, "root"), Path(unfinished, "root.tar")
        made = subprocess.run(
            ["debootstrap", "--variant=minbase", "--include=python3", SUITE, root, debian_mirror() or ""],
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode != 0:
            output = (made.stdout + made.stderr).strip().splitlines()
            raise BaseImageError(f"debootstrap: {output[-1] if output else made.returncode}")
        # The image needs no package lists, and must not hold the address of this machine's mirror.
        for left in ("etc/apt/sources.list", "var/lib/apt/lists", "var/cache/apt", "var/log"):
            path = root / left
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        subprocess.run(["tar", "-C", root, "-cf", tarball, "."], check=True)
        tarball.rename(target)


def debian_mirror(apt: Path = Path("/etc/apt")) -> str | None:
    """Return the first Debian archive in apt's settings, which have two formats."""
    for path in (apt / "sources.list.d" / "debian.sources", apt / "sources.list"):
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                words = line.split()
                if len(words) > 1 and words[0] in {"URIs:", "deb"}:
                    return next((word for word in words[1:] if "://" in word), None)
    return None
