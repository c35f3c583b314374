"""A run that is interrupted at any step ends as one that is not."""

from __future__ import annotations

import json
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, Literal

import boto3
import pytest

from functions.backfill.runs import Runs
from functions.batch import app as batch_app
from functions.shared.outcomes import NotScoredError, Outcome
from tests.functional.batch.backfill.parts import GARBAGE
from tests.functional.batch.backfill.run_stack import BACKFILL, BATCH, Killed, RunStack
from tests.proof_figures import cases, record_figure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.functional.batch.backfill.run_stack import Event

When = Literal["before-call", "after-call"]
STEP: Final = cases(3, "CHURN_INTERRUPTION_STEP")
"""The suite interrupts at each third call, a proof at every one."""


class Interrupter:
    """Counts the calls that both functions make to AWS, and ends the environment at one of them.

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
        ready, deliveries = Runs.ready(), batch_app.deliveries()
        for storage in (ready._storage, deliveries._job._storage):
            clients: tuple[Any, Any] = (storage._s3, storage._events)
            for client in clients:
                for when in ("before-call", "after-call"):
                    client.meta.events.register(when, lambda when=when, **_: self._met(when))

    @property
    def interrupted(self) -> bool:
        """Whether the call that `at` names was made."""
        return self.at is None

    def _met(self, when: When) -> None:
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
    # The environments of this test alone get its hooks.
    Runs.ready.cache_clear()
    batch_app.deliveries.cache_clear()
    yield Interrupter(runs)
    Runs.ready.cache_clear()
    batch_app.deliveries.cache_clear()


def in_turn(runs: RunStack, interrupter: Interrupter) -> tuple[dict[str, Any], int]:
    """Return what an undisturbed run writes, and how many calls it makes."""
    runs.run("undisturbed", concurrency=1)
    return runs.listing(), interrupter.calls["before-call"]


@pytest.mark.parametrize("when", ["before-call", "after-call"])
def test_environments_that_die_at_any_call_change_nothing(
    runs: RunStack, interrupter: Interrupter, customers: bytes, when: When
) -> None:
    """The state machine itself tries again; after the call, its answer is lost."""
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
        f"Environments that die {when.replace('-call', '')} a call of a run, which ends the same",
        f"{len(tried)} of {calls} calls",
    )


def test_a_run_that_is_stopped_at_any_call_and_started_again_ends_the_same(
    runs: RunStack, interrupter: Interrupter, customers: bytes
) -> None:
    runs.put(customers, GARBAGE)
    expected, calls = in_turn(runs, interrupter)
    tried = range(1, calls + 1, STEP)
    for number in tried:
        runs.empty_outputs()
        interrupter.calls.clear()
        # Started without a hook, so that its ARN is known when the hook is met.
        interrupter.at = None
        gate = threading.Event()
        runs.before_call = lambda *_, gate=gate: gate.wait(10) and None
        interrupter.execution = runs.start(f"stopped-{number}", concurrency=1)
        interrupter.at = ("after-call", number)
        gate.set()
        # Moto calls it failed where what was under way has failed.
        assert runs.ended(interrupter.execution)["status"] in ("ABORTED", "FAILED"), f"stopped at {number}"
        interrupter.execution = runs.before_call = None
        runs.run(f"again-{number}", concurrency=1)
        assert runs.listing() == expected, f"stopped at {number}"
    record_figure(
        "Runs that are stopped at a call and started again, which end the same",
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


def test_what_only_aws_is_to_blame_for_is_tried_with_patience_and_then_told(
    runs: RunStack, customers: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs.put(customers, customers)
    job = batch_app.deliveries()._job
    with monkeypatch.context() as broken:

        def fail(*_: Any) -> None:
            raise NotScoredError(Outcome.STORAGE_UNAVAILABLE, "AWS answered SlowDown to GetObject.")

        broken.setattr(job._storage, "download", fail)
        told = runs.ended(runs.start("run-1", concurrency=1))
    # Moto's interpreter tolerates every failure; the finisher looks for itself.
    assert (told["status"], told["error"]) == ("FAILED", "IncompleteRunError")
    assert runs.errors == {"PartRetryError", "IncompleteRunError"}
    assert [event["backfill"]["attempt"] for name, event in runs.calls if name == BATCH] == [1] * 12
    assert not any(key.startswith(("scored/", "quarantine/")) for key in runs.listing())

    assert runs.run("run-2")["scored"] == 32


def test_what_may_be_the_parts_fault_is_settled_at_the_third_attempt(
    runs: RunStack, customers: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = runs.put(GARBAGE, customers)
    scorer = batch_app.deliveries()._job._scorer
    real = scorer.score

    def crash(folder: Any, metadata: Any, seconds: float) -> Any:
        if metadata["churn.input.key"] == bad.key:
            raise NotScoredError(Outcome.READER_CRASH, "The process that reads the file ended with -11.")
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


def test_another_model_ends_the_run_at_once(
    runs: RunStack, customers: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs.put(customers)
    monkeypatch.setattr(batch_app.deliveries()._job, "model_digest", "0" * 64)
    told = runs.ended(runs.start())
    assert told["status"] == "FAILED"
    assert runs.errors == {"ModelChangedError", "IncompleteRunError"}
    assert len(runs.scored_parts()) == 1


def test_a_run_does_not_finish_without_each_part(runs: RunStack, customers: bytes) -> None:
    runs.put(customers, customers)
    body, _ = runs.answer(BACKFILL, {"step": "plan", "run": {"prefix": "backfill/"}})
    planned = json.loads(body)
    told, errored = runs.answer(BACKFILL, {"step": "finish", "run": planned})
    assert errored
    assert json.loads(told) == {
        "errorType": "IncompleteRunError",
        "errorMessage": "2 of 2 parts have neither scores nor a record; start the run again.",
    }
    assert [key for key in runs.listing() if key.endswith("manifest.json")] == []
