"""A contender that answers on this machine while a ``with`` block lasts."""

from __future__ import annotations

import http.client
import json
import os
from typing import TYPE_CHECKING, Any

from benchmarks.online.environments import environment_python
from benchmarks.online.peers import SERVICES, Peer, Place, own_python
from infra.local.child_process import ChildProcess, ProcessFailedError, free_ports
from infra.local.service import Service
from infra.local.tools import REPOSITORY

if TYPE_CHECKING:
    from contextlib import ExitStack
    from pathlib import Path

    from benchmarks.online.request_shapes import Fields
    from benchmarks.online.trained_model import TrainedModel


class ServerFailedError(Exception):
    """A contender could not be started, or answered no score; the message says what it wrote itself."""


class RunningServer(Service):
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
        self._place = Place(python, own, free_ports(3), variables)

    @property
    def python(self) -> Path:
        """The interpreter of its environment."""
        return self._place.python

    @property
    def url(self) -> str:
        """Address of the route that scores."""
        return f"http://127.0.0.1:{self._place.ports[0]}{self.peer.shape.path}"

    def start(self, stack: ExitStack) -> None:
        if self.peer.prepare and (preparation := self.peer.prepare(self._place)):
            with self._child(preparation) as self._process:
                if self._process.wait() != 0:
                    raise self._failed("could not prepare its model")
        self._process = stack.enter_context(self._child(self.peer.command(self._place)))
        try:
            self._process.wait_until_listening(self._place.ports[0])
        except ProcessFailedError as error:
            raise self._failed("did not start") from error

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

    def _child(self, command: list[str]) -> ChildProcess:
        return ChildProcess(command, folder=SERVICES, environment=self._place.variables, grace_seconds=5)

    def _failed(self, what: str) -> ServerFailedError:
        return ServerFailedError(f"{self.peer.name} {what}.\n{self._process.output[-2_000:]}")
