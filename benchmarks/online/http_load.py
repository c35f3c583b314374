"""Requests over HTTP: all contenders get the same customer, in turn, round after round."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from benchmarks.online.peers import OURS, PEERS, Peer
from benchmarks.online.running_server import RunningServer, ServerFailedError
from benchmarks.online.strictness import accepted_cases

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.online.load_generator import Load
    from benchmarks.trained_model import ModelFiles

CONNECTIONS: Final = (1, 16)
TOLERANCE: Final = 1e-6
MANY_CLIENTS: Final = 200
_COMPARED: Final = 50
_SECONDS: Final = 3
_MANY_CLIENTS_SECONDS: Final = 10
_READY_SECONDS: Final = 60


@dataclass(slots=True)
class PeerResult:
    """Results of one contender.

    Attributes
    ----------
    peer : Peer
    versions : str
        Versions of its packages.
    failure : str
        Why it could not be measured; empty if it was.
    largest_difference : float
        Between its scores and the product's.
    accepted, failed : list of str
        Wrong customers that it scored, and those that it answered with a 5xx.
    loads : dict of list of Load
        By number of connections, one for each round.
    """

    peer: Peer
    versions: str = ""
    failure: str = ""
    largest_difference: float = 0.0
    accepted: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    loads: dict[int, list[Load]] = field(default_factory=dict)

    def failed_requests(self, connections: int) -> int:
        """Return the number of failed requests of all rounds."""
        return sum(load.failed for load in self.loads.get(connections, []))


def measure_peers(model: ModelFiles, folder: Path, rounds: int) -> list[PeerResult]:
    """Start all contenders, compare their scores with the product's, then load them in turn.

    A peer that does not start or answers other scores is not measured; its result has the reason.
    """
    customers = model.read_customers()[:_COMPARED]
    results = [PeerResult(peer) for peer in PEERS]
    running: list[tuple[PeerResult, RunningServer]] = []
    expected: list[float] = []
    with ExitStack() as stack:
        for result in results:
            print(f"Starting {result.peer.name} ...", flush=True)
            try:
                server = stack.enter_context(RunningServer(result.peer, model, folder))
                scores = _scores_once_ready(server, customers)
            except (ServerFailedError, OSError) as error:
                if result.peer is OURS:
                    raise
                result.failure = str(error)
                continue
            expected = expected or scores
            result.versions = server.versions()
            result.largest_difference = max(abs(a - b) for a, b in zip(scores, expected, strict=True))
            if result.largest_difference > TOLERANCE:
                result.failure = f"Its scores differ by up to {result.largest_difference:.1e}."
                continue
            result.accepted, result.failed = accepted_cases(server, customers[0])
            running.append((result, server))
        for number in range(rounds + 1):
            print(f"Round {number} of {rounds} ..." if number else "Warming up ...", flush=True)
            for connections in CONNECTIONS:
                for result, server in running:
                    load = server.load(customers[0], connections, _SECONDS)
                    if number:
                        result.loads.setdefault(connections, []).append(load)
    return results


def measure_many_clients(model: ModelFiles, folder: Path) -> Load:
    """Load the product alone with many clients at once."""
    customer = model.read_customers()[0]
    with RunningServer(OURS, model, folder) as server:
        _scores_once_ready(server, [customer])
        server.load(customer, MANY_CLIENTS, 1)
        return server.load(customer, MANY_CLIENTS, _MANY_CLIENTS_SECONDS)


def _scores_once_ready(server: RunningServer, customers: list[dict[str, Any]]) -> list[float]:
    """Return the scores of customers; some servers listen before they can answer."""
    deadline = time.monotonic() + _READY_SECONDS
    while True:
        try:
            server.score(customers[0])
        except (ServerFailedError, OSError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)
        else:
            return [server.score(customer) for customer in customers]
