"""The execution of a run: the running one, a redriven one, or a new one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from functions.client.backfill import Backfill, StackMachine, describe_failure

MACHINE = StackMachine("churn-dev-backfill", "arn:aws:states:eu-west-1:1:stateMachine:churn-dev-backfill")
BEFORE = "arn:aws:states:eu-west-1:1:execution:churn-dev-backfill:"
PLANNED = {
    "bucket": "b",
    "prefix": "backfill/",
    "run_id": "0af",
    "concurrency": 5,
    "tolerated_failure_percentage": 0.0,
}


class StepFunctions:
    """Executions by number, as Step Functions describes them."""

    class exceptions:  # noqa: N801
        class ExecutionDoesNotExist(Exception): ...  # noqa: N818

        class ExecutionAlreadyExists(Exception): ...  # noqa: N818

        class ExecutionNotRedrivable(Exception): ...  # noqa: N818

    def __init__(self, *known: dict[str, Any], taken: bool = False, rival: str = "") -> None:
        self._known = {
            f"{BEFORE}0af-{number}": {
                "name": f"0af-{number}",
                "executionArn": f"{BEFORE}0af-{number}",
                "input": json.dumps(PLANNED),
                **told,
            }
            for number, told in enumerate(known, start=1)
        }
        self._taken = taken
        self._rival = rival
        self.done: list[tuple[str, str]] = []

    def describe_execution(self, executionArn: str) -> dict[str, Any]:
        if executionArn not in self._known:
            raise self.exceptions.ExecutionDoesNotExist
        return self._known[executionArn]

    def redrive_execution(self, executionArn: str) -> dict[str, Any]:
        told = self._known[executionArn]
        if self._rival:
            told["status"] = self._rival
            raise self.exceptions.ExecutionNotRedrivable
        self.done.append(("redriven", executionArn))
        told |= {"status": "RUNNING", "redriveCount": 1}
        return {}

    def start_execution(self, stateMachineArn: str, name: str, input: str) -> dict[str, Any]:  # noqa: A002
        assert stateMachineArn == MACHINE.machine
        assert json.loads(input) == PLANNED
        if self._taken:
            raise self.exceptions.ExecutionAlreadyExists
        self.done.append(("started", name))
        return {"executionArn": f"{BEFORE}{name}"}


def launched(states: StepFunctions) -> str:
    return Backfill(None, states, MACHINE, wait=lambda _: None).launch(PLANNED)


FAILED_PARTS = {"status": "FAILED", "error": "States.ExceedToleratedFailureThreshold"}
FAILED_FINISH = {"status": "FAILED", "error": "IncompleteRunError", "redriveStatus": "REDRIVABLE"}
REDRIVABLE = FAILED_PARTS | {"redriveStatus": "REDRIVABLE"}


@pytest.mark.parametrize(
    ("known", "number", "done"),
    [
        ([], 1, [("started", "0af-1")]),
        ([{"status": "RUNNING"}], 1, []),
        ([REDRIVABLE], 1, [("redriven", f"{BEFORE}0af-1")]),
        ([{"status": "ABORTED", "redriveStatus": "REDRIVABLE"}], 1, [("redriven", f"{BEFORE}0af-1")]),
        # A redrive would only repeat the last step.
        ([FAILED_FINISH], 2, [("started", "0af-2")]),
        ([FAILED_PARTS | {"redriveStatus": "NOT_REDRIVABLE"}], 2, [("started", "0af-2")]),
        ([FAILED_PARTS], 2, [("started", "0af-2")]),
        # The manifest was deleted.
        ([{"status": "SUCCEEDED"}], 2, [("started", "0af-2")]),
        ([REDRIVABLE, {"status": "RUNNING"}], 2, []),
        ([FAILED_PARTS, REDRIVABLE], 2, [("redriven", f"{BEFORE}0af-2")]),
        # A redrive would keep the settings that made it fail.
        ([REDRIVABLE | {"input": json.dumps(PLANNED | {"concurrency": 2})}], 2, [("started", "0af-2")]),
    ],
)
def test_a_run_is_joined_redriven_or_started(
    known: list[dict[str, Any]], number: int, done: list[tuple[str, str]]
) -> None:
    states = StepFunctions(*known)
    assert launched(states) == f"{BEFORE}0af-{number}"
    assert states.done == done


@pytest.mark.parametrize(("rival", "number"), [("RUNNING", 1), ("FAILED", 2)])
def test_an_execution_that_another_command_redrove_first_is_joined(rival: str, number: int) -> None:
    assert launched(StepFunctions(REDRIVABLE, rival=rival)) == f"{BEFORE}0af-{number}"


def test_the_command_waits_until_a_redrive_is_described() -> None:
    states, waited = StepFunctions(REDRIVABLE), []

    def describe_late(seconds: float) -> None:
        waited.append(seconds)
        states._known[f"{BEFORE}0af-1"] |= {"status": "RUNNING", "redriveCount": 1}

    def forget(executionArn: str) -> dict[str, Any]:
        return {}

    states.redrive_execution = forget  # type: ignore[method-assign]
    Backfill(None, states, MACHINE, wait=describe_late).launch(PLANNED)
    assert waited == [1]


def test_a_run_that_another_command_started_first_is_joined() -> None:
    assert launched(StepFunctions(taken=True)) == f"{BEFORE}0af-1"


@pytest.mark.parametrize(
    ("execution", "sentence"),
    [
        (
            {"error": "PartRetryError", "cause": '{"errorMessage": "storage-unavailable: AWS is away."}'},
            "PartRetryError: storage-unavailable: AWS is away.",
        ),
        ({"error": "States.Timeout", "cause": "too long"}, "States.Timeout: too long"),
        ({"status": "ABORTED"}, "ABORTED: it was stopped"),
    ],
)
def test_a_failure_is_described_in_one_sentence(execution: dict[str, str], sentence: str) -> None:
    assert describe_failure(execution) == sentence
