"""Runs with failing or late answers of AWS, and with unusual requests."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from churn_core.cli import main
from functions.backfill.runs import load_runs
from functions.batch import app as batch_app
from functions.batch.object_job import ObjectResult
from functions.client import backfill_command, redrive
from functions.client.backfill import Backfill
from functions.shared.objects import InputObject
from functions.shared.outcomes import NotScoredError, Outcome
from tests.functional.batch.backfill.run_stack import BACKFILL, PREFIX, RunStack
from tests.functional.batch.batch_stack import INPUT, OUTPUT

ADDRESS = f"s3://{INPUT}/{PREFIX}"


@pytest.fixture(autouse=True)
def _short_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfill_command, "POLL_SECONDS", 0.05)


def failure(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, operation)


def test_an_event_that_could_not_be_sent_is_sent_by_the_next_command(
    runs: RunStack, customers: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs.put(customers)
    storage, sent = load_runs()._storage, []
    with monkeypatch.context() as failing:

        def refuse(*_: Any) -> None:
            raise NotScoredError(Outcome.STORAGE_UNAVAILABLE, "EventBridge does not answer.")

        failing.setattr(storage, "announce", refuse)
        assert main(["backfill", ADDRESS]) == 1
    written = runs.listing()
    monkeypatch.setattr(storage, "announce", lambda _, kind="": sent.append(kind))

    assert main(["backfill", ADDRESS]) == 0
    assert sent == ["ChurnBackfilled"]
    assert runs.listing() == written


def test_a_failed_progress_call_does_not_end_the_command(
    runs: RunStack, customers: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs.put(customers)
    step = Backfill.step

    def refused(self: Backfill, name: str, run: dict[str, Any]) -> dict[str, Any]:
        if name == "progress":
            raise failure("TooManyRequestsException", "Invoke")
        return step(self, name, run)

    monkeypatch.setattr(Backfill, "step", refused)
    assert main(["backfill", ADDRESS]) == 0


def test_the_command_waits_until_a_new_execution_is_described(
    runs: RunStack, customers: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs.put(customers)
    describe, asked = Backfill.describe, []

    def late(self: Backfill, execution: str) -> dict[str, Any]:
        asked.append(execution)
        # The first call looks for an earlier execution; the second follows the start.
        if len(asked) == 2:
            raise self._states.exceptions.ExecutionDoesNotExist(
                {"Error": {"Code": "ExecutionDoesNotExist", "Message": ""}}, "DescribeExecution"
            )
        return describe(self, execution)

    monkeypatch.setattr(Backfill, "describe", late)
    assert main(["backfill", ADDRESS]) == 0


def test_ctrl_c_during_the_start_prints_how_to_watch_the_run(
    runs: RunStack, customers: bytes, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    runs.put(customers)
    launch = Backfill.launch

    def pressed(self: Backfill, planned: dict[str, Any]) -> str:
        launch(self, planned)
        raise KeyboardInterrupt

    monkeypatch.setattr(Backfill, "launch", pressed)
    assert main(["backfill", ADDRESS]) == 130
    assert f"'churn backfill {ADDRESS} --stack churn-dev'" in capsys.readouterr().err
    (execution,) = boto3.client("stepfunctions").list_executions(stateMachineArn=runs.machine)["executions"]
    runs.ended(execution["executionArn"])


def test_an_archived_part_is_estimated_by_its_size_and_named(
    runs: RunStack, customers: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    runs.put(customers)
    runs.batch.s3.put_object(
        Bucket=INPUT, Key=f"{PREFIX}archived.parquet", Body=customers, StorageClass="GLACIER"
    )
    assert main(["backfill", ADDRESS, "--dry-run"]) == 0
    assert main(["backfill", ADDRESS]) == 0
    assert "1 parts not scored: archived" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("event", "sentence"),
    [
        ({"run": {"prefix": PREFIX, "concurrency": 2.5}}, "concurrency"),
        ({"run": {"prefix": PREFIX, "dry_run": True}, "writes": True}, "dry_run"),
    ],
)
def test_a_request_that_the_state_machine_can_not_use_is_refused(
    runs: RunStack, customers: bytes, event: dict[str, Any], sentence: str
) -> None:
    runs.put(customers)
    answer, error = runs.answer(BACKFILL, {"step": "plan", **event})
    assert error
    assert json.loads(answer)["errorType"] == "BadRequestError"
    assert sentence in json.loads(answer)["errorMessage"]


def test_a_part_that_a_run_has_scored_is_no_longer_listed_as_unscored(
    runs: RunStack, customers: bytes
) -> None:
    runs.put(customers)
    planned, _ = runs.answer(BACKFILL, {"step": "plan", "run": {"prefix": PREFIX}})
    (part,) = json.loads(runs.object(json.loads(planned)["plan_key"]))
    names = redrive.StackNames("queue", "dead", INPUT, OUTPUT)
    batch_app.load_deliveries()._quarantine.write(
        ObjectResult(Outcome.NO_SPACE, InputObject.from_part(part), "The disk was full."), "message"
    )
    assert [found.code for found in redrive.list_quarantined(runs.batch.s3, names, [])] == ["no-space"]

    assert main(["backfill", ADDRESS]) == 0
    assert list(redrive.list_quarantined(runs.batch.s3, names, [])) == []
