"""Requests over HTTP: every contender with the same model and customer, in turn, round after round."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from benchmarks.online.environments import NoEnvironmentError, versions
from benchmarks.online.load_generator import Load, run_load
from benchmarks.online.peers import OURS, PEERS, Peer
from benchmarks.online.running_server import RunningServer, ServerFailedError
from benchmarks.online.strictness import accepted_cases

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.online.trained_model import TrainedModel

CONNECTIONS: Final = (1, 16)
TOLERANCE: Final = 1e-6
MANY_CLIENTS: Final = 200
_COMPARED: Final = 50
_SECONDS: Final = 3
_MANY_CLIENTS_SECONDS: Final = 10
_READY_SECONDS: Final = 60


@dataclass(slots=True)
class PeerResult:
    """What was found of one contender.

    Attributes
    ----------
    peer : Peer
    versions : str
        Of its packages.
    failure : str
        Why it could not be measured; empty if it was.
    largest_difference : float
        Of its scores from the product's.
    accepted, failed : list of str
        Wrong customers that it scored, and those that it answered with an error of its own.
    loads : dict of list of Load
        By number of connections, one a round.
    """

    peer: Peer
    versions: str = ""
    failure: str = ""
    largest_difference: float = 0.0
    accepted: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    loads: dict[int, list[Load]] = field(default_factory=dict)


def measure_peers(model: TrainedModel, folder: Path, rounds: int) -> list[PeerResult]:
    """Start all, hold their scores against the product's, then load them in turn.

    A contender that can't be started or answers another score is not measured; its failure is told.
    """
    customers = model.read_customers()[:_COMPARED]
    results = []
    running: list[tuple[PeerResult, RunningServer, Path]] = []
    expected: list[float] = []
    with ExitStack() as stack:
        for peer in PEERS:
            result = PeerResult(peer)
            results.append(result)
            print(f"Starting {peer.name} ...", flush=True)
            try:
                server = RunningServer(peer, model, folder)
                result.versions = versions(server.python, peer.packages)
                stack.enter_context(server)
                scores = _scores_once_ready(server, customers)
            except (NoEnvironmentError, ServerFailedError, OSError) as error:
                if peer is OURS:
                    raise
                result.failure = str(error)
                continue
            if peer is OURS:
                expected = scores
            result.largest_difference = max(abs(a - b) for a, b in zip(scores, expected, strict=True))
            if result.largest_difference > TOLERANCE:
                result.failure = f"It answers other scores, by up to {result.largest_difference:.1e}."
                continue
            result.accepted, result.failed = accepted_cases(server, customers[0])
            body = folder / f"{peer.environment or 'churn'}.body.json"
            body.write_text(peer.shape.write(list(customers[0].items())), encoding="utf-8")
            running.append((result, server, body))
        for number in range(rounds + 1):
            print(f"Round {number} of {rounds} ..." if number else "Warming up ...", flush=True)
            _one_round(running, counts=number > 0)
    return results


def _one_round(running: list[tuple[PeerResult, RunningServer, Path]], counts: bool) -> None:
    for connections in CONNECTIONS:
        for result, server, body in running:
            load = run_load(server.url, body, connections, _SECONDS)
            if counts:
                result.loads.setdefault(connections, []).append(load)


def measure_many_clients(model: TrainedModel, folder: Path) -> Load:
    """Load the product alone with many clients at once."""
    customer = model.read_customers()[0]
    with RunningServer(OURS, model, folder) as server:
        _scores_once_ready(server, [customer])
        body = folder / "many.body.json"
        body.write_text(OURS.shape.write(list(customer.items())), encoding="utf-8")
        run_load(server.url, body, MANY_CLIENTS, 1)
        return run_load(server.url, body, MANY_CLIENTS, _MANY_CLIENTS_SECONDS)


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
