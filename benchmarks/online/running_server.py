"""A contender that answers on this machine while a ``with`` block lasts."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import time
from contextlib import ExitStack, suppress
from typing import IO, TYPE_CHECKING, Any, Final, Self

from benchmarks.online.environments import environment_python
from benchmarks.online.peers import SERVICES, Peer, Place, own_python
from infra.local.emulator import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from benchmarks.online.request_shapes import Fields
    from benchmarks.online.trained_model import TrainedModel

_START_SECONDS: Final = 90


class ServerFailedError(Exception):
    """A contender could not be started, or answered no score; the message says what it wrote itself."""


class RunningServer:
    """A contender, started.

    Parameters
    ----------
    peer : Peer
    model : TrainedModel
        What it answers with.
    folder : Path
        For its files and its log.
    """

    def __init__(self, peer: Peer, model: TrainedModel, folder: Path) -> None:
        self.peer = peer
        python = own_python() if peer.environment is None else environment_python(peer.environment)
        own = folder / (peer.environment or "churn")
        own.mkdir(parents=True, exist_ok=True)
        variables = {
            "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(own),
            # The pickled pipeline is made of the library's classes.
            "PYTHONPATH": str(REPOSITORY),
            "OMP_NUM_THREADS": "1",
            "BENCH_BUNDLE": str(model.bundle.resolve()),
            "BENCH_PIPELINE": str(model.pipeline.resolve()),
            "BENCH_CUSTOMERS": str(model.customers.resolve()),
            "BENTOML_DO_NOT_TRACK": "True",
            "MLFLOW_DISABLE_TELEMETRY": "true",
        }
        self._place = Place(python, own, _free_ports(), variables)
        self._log = own / "log"

    @property
    def python(self) -> Path:
        """The interpreter of its environment."""
        return self._place.python

    @property
    def url(self) -> str:
        """Address of the route that scores."""
        return f"http://127.0.0.1:{self._place.ports[0]}{self.peer.shape.path}"

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            log = stack.enter_context(self._log.open("w"))
            first = self.peer.prepare(self._place) if self.peer.prepare else []
            if first and self._start(first, log).wait() != 0:
                raise self._failed("could not prepare its model")
            self._process = self._start(self.peer.command(self._place), log)
            stack.callback(self._stop)
            self._wait_until_it_listens()
            self._cleanup = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cleanup.close()

    def post(self, fields: Fields) -> tuple[int, str]:
        """Send a customer; return status and body of the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self._place.ports[0], timeout=30)
        try:
            body = self.peer.shape.write(fields)
            connection.request("POST", self.peer.shape.path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            return response.status, response.read().decode("utf-8", errors="replace")
        finally:
            connection.close()

    def score(self, customer: dict[str, Any]) -> float:
        """Return the probability that it answers with.

        Raises
        ------
        ServerFailedError
            If it answers anything else.
        """
        status, text = self.post(list(customer.items()))
        if status != 200:
            raise self._failed(f"answered {status} {text[:500]}")
        return float(self.peer.shape.read_score(json.loads(text)))

    def _start(self, command: list[str], log: IO[str]) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command,
            cwd=SERVICES,
            env=self._place.variables,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def _wait_until_it_listens(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self._place.ports[0]), timeout=1).close()
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise self._failed("did not start")

    def _failed(self, what: str) -> ServerFailedError:
        tail = self._log.read_text(encoding="utf-8", errors="replace")[-2_000:]
        return ServerFailedError(f"{self.peer.name} {what}.\n{tail}")

    def _stop(self) -> None:
        """End it and all that it has started; they are a process group of their own."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=5)
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def _free_ports() -> tuple[int, int, int]:
    with socket.socket() as first, socket.socket() as second, socket.socket() as third:
        for one in (first, second, third):
            one.bind(("127.0.0.1", 0))
        return first.getsockname()[1], second.getsockname()[1], third.getsockname()[1]
