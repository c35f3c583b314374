"""A separate Docker daemon with its own socket, images and bridge, all removed with it.

It is independent of a daemon that already runs. Docker's own proxy publishes ports, so the machine's packet
filter needs no rule.
"""

from __future__ import annotations

import ipaddress
import json
import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from infra.local.child_process import ChildProcess, Service

if TYPE_CHECKING:
    from contextlib import ExitStack

_STOP_SECONDS: Final = 60
_RUNNING_ENGINE: Final = Path("/run/containerd/containerd.sock")


class EngineError(Exception):
    """A command for the engine failed; the message is its output."""


def missing_for_engine() -> list[str]:
    """Return the reasons why no separate engine can run here, one sentence each."""
    missing = []
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        missing.append(f"The base image is built for Linux on x86_64; this machine is {platform.machine()}.")
    elif os.geteuid() != 0:
        missing.append("Only root can run a Docker daemon and debootstrap; run as root.")
    for command, package in (("dockerd", "docker.io"), ("docker", "docker.io"), ("ip", "iproute2")):
        if shutil.which(command) is None:
            missing.append(f"{command} is not installed; apt-get install {package}.")
    if _RUNNING_ENGINE.exists():
        missing.append(
            f"A container engine already runs here ({_RUNNING_ENGINE}); stop it to run these tests."
        )
    return missing


class DockerEngine(Service):
    """Runs while the ``with`` block lasts; containers, images and volumes end with it.

    Attributes
    ----------
    environment : dict
        Variables with which Docker's client, Compose and SAM connect to it.
    gateway : str
        Address of this machine as its containers see it.
    """

    def __init__(self) -> None:
        self._bridge = f"churn{os.getpid()}"
        self.gateway = ""
        self.environment: dict[str, str] = {}

    def start(self, stack: ExitStack) -> None:
        self._folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="engine-", ignore_cleanup_errors=True))
        )
        self.environment = {
            "DOCKER_HOST": f"unix://{self._folder}/docker.sock",
            "DOCKER_CONFIG": f"{self._folder}/client",
            # The newer builder needs buildx, which Debian does not package.
            "DOCKER_BUILDKIT": "0",
        }
        stack.callback(self._unmount)
        self._make_bridge(stack)
        daemon = ChildProcess(
            [
                *("dockerd", "--host", self.environment["DOCKER_HOST"]),
                *("--data-root", self._folder / "data", "--exec-root", self._folder / "exec"),
                *("--pidfile", self._folder / "pid", "--bridge", self._bridge),
                # Leave the machine's own network unchanged.
                *("--iptables=false", "--ip6tables=false", "--ip-forward=false"),
            ],
            # It needs time to stop its containerd.
            grace_seconds=_STOP_SECONDS,
        )
        stack.enter_context(daemon)
        daemon.wait_until(self._answers)
        stack.callback(self._remove_all)

    def run(self, *words: str | Path, folder: Path | None = None) -> str:
        """Run a command for this engine; return its output.

        Parameters
        ----------
        words : str or Path
            The command.
        folder : Path, optional
            Its working directory.

        Raises
        ------
        EngineError
            If it fails.
        """
        done = subprocess.run(
            words,
            cwd=folder,
            env=os.environ | self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise EngineError(
                f"{' '.join(map(str, words[:3]))} ...:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
            )
        return done.stdout

    def image_bytes(self, image: str) -> int:
        """Return the size of an image in bytes, including its base image."""
        return int(self.run("docker", "image", "inspect", "--format", "{{.Size}}", image))

    def _make_bridge(self, stack: ExitStack) -> None:
        self.gateway = str(_free_network(self.run("ip", "-json", "route"))[1])
        self.run("ip", "link", "add", "name", self._bridge, "type", "bridge")
        stack.callback(self.run, "ip", "link", "delete", self._bridge)
        self.run("ip", "address", "add", f"{self.gateway}/24", "dev", self._bridge)
        self.run("ip", "link", "set", self._bridge, "up")

    def _answers(self) -> bool:
        try:
            self.run("docker", "version")
        except EngineError:
            return False
        return True

    def _remove_all(self) -> None:
        for container in self.run("docker", "ps", "--all", "--quiet").split():
            self.run("docker", "rm", "--force", "--volumes", container)
        for network in self.run("docker", "network", "ls", "--quiet", "--filter", "type=custom").split():
            self.run("docker", "network", "rm", network)

    def _unmount(self) -> None:
        """Unmount file systems that killed containers have left under the folder."""
        mounts = [line.split()[1] for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()]
        for mount in sorted(
            (mount for mount in mounts if mount.startswith(f"{self._folder}/")), reverse=True
        ):
            subprocess.run(["umount", "--lazy", mount], check=False)


def _free_network(routes: str) -> ipaddress.IPv4Network:
    """Return a private network that overlaps no route in the output of ``ip -json route``."""
    taken = [ipaddress.IPv4Network(route["dst"]) for route in json.loads(routes) if route["dst"] != "default"]
    candidates = ipaddress.IPv4Network("172.30.0.0/16").subnets(new_prefix=24)
    found = next((free for free in candidates if not any(map(free.overlaps, taken))), None)
    if found is None:
        raise EngineError("172.30.0.0/16 is taken; there is no network left for the containers' bridge.")
    return found
