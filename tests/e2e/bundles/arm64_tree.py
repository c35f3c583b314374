"""Debian's arm64 Python 3.13 in a folder, and the processor emulator that runs it on this machine.

apt downloads both from Debian 13. Nothing is installed, and no root is needed. The emulator of Debian 12
crashes in `import onnxruntime`.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

KEYRING: Final = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
SOURCE: Final = f"deb [signed-by={KEYRING}] http://deb.debian.org/debian trixie main\n"
PACKAGES: Final = ("python3", "libstdc++6", "qemu-user:amd64")


class NoArm64Error(Exception):
    """arm64 Python can't be run here; the message says why."""


def arm64_python(folder: Path) -> list[str]:
    """Return the command that runs arm64 Python; it is downloaded into a folder if that does not exist.

    Raises
    ------
    NoArm64Error
        If this is not an x86_64 Debian, or its packages can't be downloaded.
    """
    if platform.machine() != "x86_64" or not shutil.which("apt-get") or not KEYRING.exists():
        raise NoArm64Error("arm64 Python needs an x86_64 machine with apt and Debian's keyring")
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as unfinished:
            draft = Path(unfinished, "draft")
            draft.mkdir()
            for deb in _download(Path(unfinished, "apt")):
                _run("dpkg", "-x", str(deb), str(draft / ("host" if "_amd64" in deb.name else "arm64")))
            # On an installed system these are links.
            (draft / "arm64" / "lib").symlink_to("usr/lib")
            draft.rename(folder)
    tree = folder / "arm64"
    return [
        *(str(folder / "host" / "usr" / "bin" / "qemu-aarch64"), "-L", str(tree)),
        *(str(tree / "usr" / "bin" / "python3.13"), "-I", "-S"),
    ]


def _download(folder: Path) -> list[Path]:
    for name in ("lists/partial", "archives/partial"):
        (folder / name).mkdir(parents=True)
    (folder / "sources.list").write_text(SOURCE)
    # An empty list of installed packages makes apt download all of them.
    (folder / "status").touch()
    options = {
        "Dir::Etc::sourcelist": folder / "sources.list",
        "Dir::Etc::sourceparts": "-",
        "Dir::State": folder,
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder,
        "Dir::Log": folder,
        "APT::Architecture": "arm64",
        "APT::Architectures": "arm64,amd64",
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "",
    }
    words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    _run("apt-get", *words, "update")
    _run("apt-get", *words, "install", "--yes", "--download-only", *PACKAGES)
    return sorted((folder / "archives").glob("*.deb"))


def _run(*command: str) -> None:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        output = (done.stderr or done.stdout).strip()
        raise NoArm64Error(f"Debian's packages can't be downloaded: {output[-300:]}")
