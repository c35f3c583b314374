"""A run that is interrupted at any step gives the same result as an undisturbed one."""

from __future__ import annotations

import json
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, Literal

import boto3
import pytest

from functions.backfill.runs import load_runs
from functions.batch import app as batch_app
from functions.shared.outcomes import NotScoredError, Outcome
from tests.functional.batch.backfill.parts import GARBAGE
from tests.functional.batch.backfill.run_stack import BACKFILL, BATCH, Killed, RunStack
from tests.proof_figures import cases, record_figure
from tests.waiting import NO_PROGRESS_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.functional.batch.backfill.run_stack import Event

# Waiting ends when nothing changes (tests/waiting.py); the suite's own limit is too short for busy machines.
pytestmark = pytest.mark.timeout(1_800)

When = Literal["before-call", "after-call"]
STEP: Final = cases(3, "CHURN_INTERRUPTION_STEP")
"""The suite interrupts at every third call, `make proof` at every call."""


class Interrupter:
    """Counts the calls of both functions to AWS, and kills the environment at one of them.

    Parameters
    ----------
    runs : RunStack
    """

    def __init__(self, runs: RunStack) -> None:
        self._runs = runs
        self._lock = threading.Lock()
        self.calls: Counter[When] = Counter()
        self.at: tuple[When, int] | None = None
        self.execution: str | None = None
        ready, deliveries = load_runs(), batch_app.load_deliveries()
        for storage in (ready._storage, deliveries._job._storage):
            clients: tuple[Any, Any] = (storage._s3, storage._events)
            for client in clients:
                for when in ("before-call", "after-call"):
                    client.meta.events.register(when, lambda when=when, **_: self._count(when))

    @property
    def interrupted(self) -> bool:
        """Whether the call that `at` names was made."""
        return self.at is None

    def _count(self, when: When) -> None:
        with self._lock:
            self.calls[when] += 1
            reached = self.at == (when, self.calls[when])
            if reached:
                self.at = None
        if reached:
            if self.execution is not None:
                boto3.client("stepfunctions").stop_execution(executionArn=self.execution)
            raise Killed


@pytest.fixture
def interrupter(runs: RunStack) -> Iterator[Interrupter]:
    # New environments, so that only this test gets the hooks.
    load_runs.cache_clear()
    batch_app.load_deliveries.cache_clear()
    yield Interrupter(runs)
    load_runs.cache_clear()
    batch_app.load_deliveries.cache_clear()


def in_turn(runs: RunStack, interrupter: Interrupter) -> tuple[dict[str, Any], int]:
    """Return what an undisturbed run writes, and its number of calls."""
    runs.run("undisturbed", concurrency=1)
    return runs.listing(), interrupter.calls["before-call"]


@pytest.mark.parametrize("when", ["before-call", "after-call"])
def test_environments_that_die_at_any_call_change_nothing(
    runs: RunStack, interrupter: Interrupter, customers: bytes, when: When
) -> None:
    """The state machine retries; if the environment dies after a call, the call's answer is lost."""
    runs.put(customers, GARBAGE)
    expected, calls = in_turn(runs, interrupter)
    assert calls > 15
    tried = range(1, calls + 1, STEP)
    for number in tried:
        runs.empty_outputs()
        interrupter.calls.clear()
        interrupter.at = (when, number)
        runs.run(f"killed-{when}-{number}", concurrency=1)
        assert interrupter.interrupted
        assert runs.listing() == expected, f"killed {when} {number}"
    record_figure(
        f"Runs whose environment dies {when.replace('-call', '')} a call to AWS: the result is the same",
        f"{len(tried)} of {calls} calls",
    )


def test_a_run_stopped_at_any_call_and_started_again_gives_the_same_result(
    runs: RunStack, interrupter: Interrupter, customers: bytes
) -> None:
    runs.put(customers, GARBAGE)
    expected, calls = in_turn(runs, interrupter)
    tried = range(1, calls + 1, STEP)
    for number in tried:
        runs.empty_outputs()
        interrupter.calls.clear()
        # The run starts without a hook, because the hook needs its ARN.
        interrupter.at = None
        gate = threading.Event()
        runs.before_call = lambda *_, gate=gate: gate.wait(NO_PROGRESS_SECONDS) and None
        interrupter.execution = runs.start(f"stopped-{number}", concurrency=1)
        interrupter.at = ("after-call", number)
        gate.set()
        # Moto reports FAILED if a task fails while the execution is stopped.
        assert runs.ended(interrupter.execution)["status"] in ("ABORTED", "FAILED"), f"stopped at {number}"
        interrupter.execution = runs.before_call = None
        runs.run(f"again-{number}", concurrency=1)
        assert runs.listing() == expected, f"stopped at {number}"
    record_figure(
        "Runs that are stopped at a call to AWS and started again: the result is the same",
        f"{len(tried)} of {calls} calls",
    )


def test_a_worker_that_dies_is_called_again(runs: RunStack, customers: bytes) -> None:
    runs.put(customers, customers)
    died: list[str] = []

    def die_once(function: str, event: Event) -> None:
        if function == BATCH and event["backfill"]["part"]["key"] not in died:
            died.append(event["backfill"]["part"]["key"])
            raise Killed

    runs.before_call = die_once
    assert runs.run()["scored"] == 32
    assert len(runs.scored_parts()) == 4


def test_faults_of_aws_are_retried_many_times_and_then_fail_the_run(
    runs: RunStack, customers: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs.put(customers, customers)
    job = batch_app.load_deliveries()._job
    with monkeypatch.context() as broken:

        def fail(*_: Any) -> None:
            raise NotScoredError(Outcome.STORAGE_UNAVAILABLE, "AWS answered SlowDown to GetObject.")

        broken.setattr(job._storage, "download", fail)
        ended = runs.ended(runs.start("run-1", concurrency=1))
    # Moto's interpreter tolerates every failed part; the step `finish` checks for itself.
    assert (ended["status"], ended["error"]) == ("FAILED", "IncompleteRunError")
    assert runs.errors == {"PartRetryError", "IncompleteRunError"}
    assert [event["backfill"]["attempt"] for name, event in runs.calls if name == BATCH] == [1] * 12
    assert not any(key.startswith(("scored/", "quarantine/")) for key in runs.listing())

    assert runs.run("run-2")["scored"] == 32


def test_a_suspect_part_is_quarantined_at_the_third_attempt(
    runs: RunStack, customers: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = runs.put(GARBAGE, customers)
    scorer = batch_app.load_deliveries()._job._scorer
    real = scorer.score

    def crash(folder: Any, metadata: Any, seconds: float) -> Any:
        if metadata["churn.input.key"] == bad.key:
            raise NotScoredError(Outcome.READER_CRASH, "The process that read the file ended with -11.")
        return real(folder, metadata, seconds)

    monkeypatch.setattr(scorer, "score", crash)
    manifest = runs.manifest(runs.run())

    assert manifest["parts"]["not_scored_by_code"] == {"reader-crash": 1}
    attempts = [
        event["backfill"]["attempt"]
        for name, event in runs.calls
        if name == BATCH and event["backfill"]["part"]["key"] == bad.key
    ]
    assert attempts == [1, 1, 3]
    assert [part["key"] for part in manifest["outputs"]] == [good.key]


def test_a_changed_model_ends_the_run_at_once(
    runs: RunStack, customers: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs.put(customers)
    monkeypatch.setattr(batch_app.load_deliveries()._job, "model_digest", "0" * 64)
    assert runs.ended(runs.start())["status"] == "FAILED"
    assert runs.errors == {"ModelChangedError", "IncompleteRunError"}
    assert len(runs.scored_parts()) == 1


def test_a_run_does_not_finish_while_parts_are_open(runs: RunStack, customers: bytes) -> None:
    runs.put(customers, customers)
    body, _ = runs.answer(BACKFILL, {"step": "plan", "run": {"prefix": "backfill/"}})
    planned = json.loads(body)
    answer, errored = runs.answer(BACKFILL, {"step": "finish", "run": planned})
    assert errored
    assert json.loads(answer)["errorType"] == "IncompleteRunError"
    assert json.loads(answer)["errorMessage"].startswith("2 of 2 parts")
    assert [key for key in runs.listing() if key.endswith("manifest.json")] == []
