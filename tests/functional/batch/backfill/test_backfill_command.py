"""`churn backfill` against the state machine: start, watch, interrupt and resume."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from churn_core.cli import main
from functions.batch import app as batch_app
from functions.client import backfill_command
from functions.shared.outcomes import NotScoredError, Outcome
from tests.functional.batch.backfill.parts import GARBAGE, parquet
from tests.functional.batch.backfill.run_stack import BATCH, PREFIX, STACK, RunStack
from tests.functional.batch.batch_stack import INPUT, OUTPUT
from tests.waiting import NO_PROGRESS_SECONDS

if TYPE_CHECKING:
    import pyarrow as pa

ADDRESS = f"s3://{INPUT}/{PREFIX}"


@pytest.fixture(autouse=True)
def _short_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfill_command, "POLL_SECONDS", 0.05)


def executions(runs: RunStack) -> list[str]:
    found = boto3.client("stepfunctions").list_executions(stateMachineArn=runs.machine)["executions"]
    return sorted(execution["name"].rpartition("-")[2] for execution in found)


def run_command(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    """Run the command; return what it printed to stdout, or to stderr if it failed."""
    capsys.readouterr()
    assert main(["backfill", ADDRESS, *words]) == code
    printed = capsys.readouterr()
    assert "Traceback" not in printed.err
    lines = [line for line in (printed.out if code == 0 else printed.err).splitlines() if line[:1] != "{"]
    return "\n".join(lines)


def test_the_command_prints_the_manifest_and_does_nothing_the_second_time(
    runs: RunStack, customers: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    runs.put(customers, GARBAGE, customers)

    first = run_command(capsys)

    (manifest,) = [key for key in runs.listing() if key.endswith("manifest.json")]
    counts, unscored, address = first.splitlines()
    assert counts.startswith("2 of 3 parts scored: 32 rows, 32 scored, 0 rejected")
    assert "not-parquet" in unscored
    assert address == f"s3://{OUTPUT}/{manifest}"
    before = runs.listing()
    notice, *again = run_command(capsys).splitlines()
    assert "already complete" in notice
    assert "\n".join(again) == first
    assert (runs.listing(), executions(runs)) == (before, ["1"])


def test_json_output(runs: RunStack, customers: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    runs.put(customers)
    capsys.readouterr()
    assert main(["backfill", ADDRESS, "--json"]) == 0
    # The log of the functions is on the same standard output here.
    printed = capsys.readouterr().out
    content = json.loads(printed[printed.index('{\n "manifest"') :])
    assert content["manifest"].endswith(f"{content['run_id']}/manifest.json")
    assert (content["rows"], content["scored"], content["parts"]["scored"]) == (16, 16, 1)


def test_a_dry_run_estimates_parts_rows_time_and_price_and_writes_nothing(
    runs: RunStack, customers: bytes, golden_table: pa.Table, capsys: pytest.CaptureFixture[str]
) -> None:
    runs.put(customers, parquet(golden_table.slice(0, 5)), GARBAGE)
    lines = run_command(capsys, "--dry-run", "--concurrency", "2").splitlines()
    assert lines[0].startswith("3 parts, 0.0 MB")
    assert "21 rows" in lines[1]
    assert "3 parts (1 unreadable)" in lines[1]
    assert "2 s with 2 parts" in lines[2]
    assert "less than $0.01" in lines[2]
    assert (runs.listing(), executions(runs)) == ({}, [])


def test_a_failed_run_is_resumed(
    runs: RunStack,
    customers: bytes,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runs.put(customers, customers)
    with monkeypatch.context() as broken:

        def fail(*_: Any) -> None:
            raise NotScoredError(Outcome.STORAGE_UNAVAILABLE, "AWS answered SlowDown to GetObject.")

        broken.setattr(batch_app.load_deliveries()._job._storage, "download", fail)
        message = run_command(capsys, code=1)
    assert message.startswith("churn: The run failed (IncompleteRunError")
    assert run_command(capsys).startswith("2 of 2 parts scored: 32 rows")
    assert executions(runs) == ["1", "2"]


def test_a_second_command_joins_the_run_of_the_first(
    runs: RunStack, customers: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    runs.put(customers)
    going, go_on = threading.Event(), threading.Event()

    def wait(function: str, _: Any) -> None:
        if function == BATCH:
            going.set()
            assert go_on.wait(NO_PROGRESS_SECONDS)

    runs.before_call = wait
    codes: list[int] = []
    commands = [
        threading.Thread(
            target=lambda n=number: codes.append(main(["backfill", ADDRESS, "--concurrency", n]))
        )
        for number in ("1", "2")
    ]
    commands[0].start()
    assert going.wait(NO_PROGRESS_SECONDS)
    commands[1].start()
    go_on.set()
    for command in commands:
        command.join()
    assert codes == [0, 0]
    assert (executions(runs), len(runs.scored_parts())) == (["1"], 1)


def test_ctrl_c_does_not_stop_the_run_and_prints_how_to_watch_it(
    runs: RunStack,
    customers: bytes,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runs.put(customers)
    with monkeypatch.context() as pressed:

        def ctrl_c(*_: Any) -> str:
            raise KeyboardInterrupt

        pressed.setattr(backfill_command, "progress_text", ctrl_c)
        message = run_command(capsys, code=130)
    assert f"'churn backfill {ADDRESS} --stack {STACK}'" in message
    assert run_command(capsys).endswith("manifest.json")
    assert executions(runs) == ["1"]


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        (f"s3://{INPUT}/backfill/nothing/", "No object below the prefix ends with"),
        (f"s3://{INPUT}/elsewhere/", "begins with incoming/ or backfill/"),
        (f"s3://{OUTPUT}/scored/", "in another bucket"),
        ("backfill/", "s3://bucket/key"),
    ],
)
def test_a_prefix_that_can_not_be_scored_is_one_sentence(
    runs: RunStack, address: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["backfill", address]) == 1
    assert sentence in capsys.readouterr().err
    assert (runs.listing(), executions(runs)) == ({}, [])


def test_an_unknown_stack_is_named(runs: RunStack, capsys: pytest.CaptureFixture[str]) -> None:
    assert STACK == "churn-dev"
    message = run_command(capsys, "--stack", "other", code=1)
    assert "other-backfill" in message
    assert "--stack" in message


@pytest.mark.parametrize("wrong", [["--concurrency", "0"], ["--tolerate", "101"], ["--tolerate", "x"]])
def test_invalid_numbers_are_usage_errors(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backfill", ADDRESS, *wrong]) == 2
