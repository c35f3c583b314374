"""Install and run one contender; it answers on this machine while a ``with`` block lasts."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.online.load_generator import Load, run_load
from infra.local.child_process import ChildProcess, ProcessFailedError, Service, free_ports
from infra.local.tools import REPOSITORY

if TYPE_CHECKING:
    from contextlib import ExitStack

    from benchmarks.online.peers import Peer
    from benchmarks.online.request_shapes import Fields
    from benchmarks.trained_model import ModelFiles

ENVIRONMENTS: Final = REPOSITORY / ".bench-venvs"
SERVICES: Final = Path(__file__).with_name("services")


class ServerFailedError(Exception):
    """A contender can't be installed, does not start or answers no score; the message has its output."""


def environment_python(name: str) -> Path:
    """Return the interpreter of a peer's environment, which is installed again when its lock has changed.

    Raises
    ------
    ServerFailedError
        If uv can't install a package; uv has printed why.
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
            raise ServerFailedError(f"uv can't install {lock.name}; its output above says why.")
    stamp.write_text(digest, encoding="ascii")
    return python


class RunningServer(Service):
    """A started contender.

    Parameters
    ----------
    peer : Peer
    model : ModelFiles
    folder : Path
        The contender gets a folder for its files in it.
    """

    def __init__(self, peer: Peer, model: ModelFiles, folder: Path) -> None:
        self.peer = peer
        python = environment_python(peer.environment) if peer.environment else Path(sys.executable)
        self._folder = folder / (peer.environment or "churn")
        self._folder.mkdir(parents=True, exist_ok=True)
        self._port, second_port, third_port = free_ports(3)
        self._python = python
        self._values = {
            "python": python,
            "bin": python.parent,
            "folder": self._folder,
            "bundle": model.bundle.resolve(),
            "port": self._port,
            "second_port": second_port,
            "third_port": third_port,
        }
        self._variables = {
            "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self._folder),
            # The pickled pipeline contains classes of the library.
            "PYTHONPATH": str(REPOSITORY),
            "OMP_NUM_THREADS": "1",
            "BENCH_BUNDLE": str(model.bundle.resolve()),
            "BENCH_PIPELINE": str(model.pipeline.resolve()),
            "BENCH_CUSTOMERS": str(model.customers.resolve()),
            "BENTOML_DO_NOT_TRACK": "True",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "ORT_DISABLE_TELEMETRY": "1",
        }

    def start(self, stack: ExitStack) -> None:
        if self.peer.prepare:
            with self._child(self.peer.prepare) as self._process:
                if self._process.wait() != 0:
                    raise self._failed("could not prepare its model")
        self._process = stack.enter_context(self._child(self.peer.command))
        try:
            self._process.wait_until_listening(self._port)
        except ProcessFailedError as error:
            raise self._failed("did not start") from error

    def post(self, fields: Fields) -> tuple[int, str]:
        """Send a customer; return status and body of the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            body = self.peer.shape.write(fields)
            connection.request("POST", self.peer.shape.path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            return response.status, response.read().decode("utf-8", errors="replace")
        finally:
            connection.close()

    def score(self, customer: dict[str, Any]) -> float:
        """Return the probability in the answer; raise ServerFailedError for any status but 200."""
        status, text = self.post(list(customer.items()))
        if status != 200:
            raise self._failed(f"answered {status} {text[:500]}")
        return float(self.peer.shape.read_score(json.loads(text)))

    def load(self, customer: dict[str, Any], connections: int, seconds: int) -> Load:
        """Send one customer again and again over the connections."""
        body = self._folder / "body.json"
        body.write_text(self.peer.shape.write(list(customer.items())), encoding="utf-8")
        return run_load(f"http://127.0.0.1:{self._port}{self.peer.shape.path}", body, connections, seconds)

    def versions(self) -> str:
        """Return the versions of the contender's packages."""
        program = "import sys; from importlib.metadata import version as v; print(*map(v, sys.argv[1:]))"
        command = [str(self._python), "-c", program, *self.peer.packages]
        found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        return ", ".join(f"{name} {version}" for name, version in zip(self.peer.packages, found, strict=True))

    def _child(self, command: str) -> ChildProcess:
        words = [word.format_map(self._values) for word in command.split()]
        return ChildProcess(words, folder=SERVICES, environment=self._variables, grace_seconds=5)

    def _failed(self, what: str) -> ServerFailedError:
        return ServerFailedError(f"{self.peer.name} {what}.\n{self._process.output[-2_000:]}")
