"""`churn backfill` against the state machine: started, watched, left and taken up again."""

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

if TYPE_CHECKING:
    import pyarrow as pa

ADDRESS = f"s3://{INPUT}/{PREFIX}"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfill_command, "POLL_SECONDS", 0.05)


def executions(runs: RunStack) -> list[str]:
    found = boto3.client("stepfunctions").list_executions(stateMachineArn=runs.machine)["executions"]
    return sorted(one["name"].rpartition("-")[2] for one in found)


def told(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    """Run the command; return what it has printed where it belongs."""
    capsys.readouterr()
    assert main(["backfill", ADDRESS, *words]) == code
    printed = capsys.readouterr()
    assert "Traceback" not in printed.err
    lines = [line for line in (printed.out if code == 0 else printed.err).splitlines() if line[:1] != "{"]
    return "\n".join(lines)


def test_it_ends_with_the_manifests_address_and_does_nothing_the_second_time(
    runs: RunStack, customers: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    runs.put(customers, GARBAGE, customers)

    first = told(capsys)

    (manifest,) = [key for key in runs.listing() if key.endswith("manifest.json")]
    end = (
        "2 of 3 parts scored: 32 rows, 32 scored, 0 rejected.\n"
        "  1 parts not scored: not-parquet\n"
        f"s3://{OUTPUT}/{manifest}"
    )
    assert first == end
    before = runs.listing()
    assert told(capsys) == f"Nothing was to be done: this run is complete.\n{end}"
    assert (runs.listing(), executions(runs)) == (before, ["1"])


def test_programs_get_json(runs: RunStack, customers: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    runs.put(customers)
    capsys.readouterr()
    assert main(["backfill", ADDRESS, "--json"]) == 0
    # The log of the functions is on the same standard output here.
    printed = capsys.readouterr().out
    content = json.loads(printed[printed.index('{\n "manifest"') :])
    assert content["manifest"].endswith(f"{content['run_id']}/manifest.json")
    assert (content["rows"], content["scored"], content["parts"]["scored"]) == (16, 16, 1)


def test_a_dry_run_tells_parts_rows_time_and_dollars_and_writes_nothing(
    runs: RunStack, customers: bytes, golden_table: pa.Table, capsys: pytest.CaptureFixture[str]
) -> None:
    runs.put(customers, parquet(golden_table.slice(0, 5)), GARBAGE)
    lines = told(capsys, "--dry-run", "--concurrency", "2").splitlines()
    assert lines[0].startswith("3 parts of 0.0 MB, by churn-")
    assert lines[1] == "About 21 rows, by the footers of 3 parts (1 unreadable)."
    assert lines[2] == "About 2 s with 2 parts at a time, and less than $0.01 by list prices of us-east-1."
    assert (runs.listing(), executions(runs)) == ({}, [])


def test_what_failed_is_taken_up_again(
    runs: RunStack,
    customers: bytes,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runs.put(customers, customers)
    with monkeypatch.context() as broken:

        def fail(*_: Any) -> None:
            raise NotScoredError(Outcome.STORAGE_UNAVAILABLE, "AWS answered SlowDown to GetObject.")

        broken.setattr(batch_app.deliveries()._job._storage, "download", fail)
        said = told(capsys, code=1)
    assert said.startswith(
        "churn: The run has failed; the same command takes it up again (IncompleteRunError"
    )
    assert told(capsys).startswith("2 of 2 parts scored: 32 rows")
    assert executions(runs) == ["1", "2"]


def test_a_second_command_watches_the_first_ones_run(
    runs: RunStack, customers: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    runs.put(customers)
    going, go_on = threading.Event(), threading.Event()

    def wait(function: str, _: Any) -> None:
        if function == BATCH:
            going.set()
            assert go_on.wait(30)

    runs.before_call = wait
    codes: list[int] = []
    commands = [
        threading.Thread(
            target=lambda n=number: codes.append(main(["backfill", ADDRESS, "--concurrency", n]))
        )
        for number in ("1", "2")
    ]
    commands[0].start()
    assert going.wait(30)
    commands[1].start()
    go_on.set()
    for command in commands:
        command.join()
    assert codes == [0, 0]
    assert (executions(runs), len(runs.scored_parts())) == (["1"], 1)


def test_ctrl_c_leaves_the_run_going_and_says_how_to_come_back(
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
        said = told(capsys, code=130)
    assert said == (
        "churn: A run that was started goes on without you;"
        f" watch it again with 'churn backfill {ADDRESS} --stack {STACK}'."
    )
    assert told(capsys).endswith("manifest.json")
    assert executions(runs) == ["1"]


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        (f"s3://{INPUT}/backfill/nothing/", "There is no object ....parquet below the prefix"),
        (f"s3://{INPUT}/elsewhere/", "begins with incoming/ or backfill/"),
        (f"s3://{OUTPUT}/scored/", "in another bucket"),
        ("backfill/", "s3://bucket/key"),
    ],
)
def test_what_can_not_be_run_is_told_in_a_sentence(
    runs: RunStack, address: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["backfill", address]) == 1
    assert sentence in capsys.readouterr().err
    assert (runs.listing(), executions(runs)) == ({}, [])


def test_a_stack_that_is_not_there_is_told(runs: RunStack, capsys: pytest.CaptureFixture[str]) -> None:
    assert STACK == "churn-dev"
    assert told(capsys, "--stack", "other", code=1) == (
        "churn: There is no function other-backfill; name another stack with --stack."
    )


@pytest.mark.parametrize("wrong", [["--concurrency", "0"], ["--tolerate", "101"], ["--tolerate", "x"]])
def test_wrong_numbers_are_usage(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backfill", ADDRESS, *wrong]) == 2
