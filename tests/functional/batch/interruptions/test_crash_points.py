"""Crash points: the function is killed at every call to AWS and at every step (row B28)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from functions.batch import app
from functions.batch.delivery import Deliveries
from functions.shared.outcomes import Action
from functions.shared.storage import events_client, s3_client
from tests.functional.batch.batch_stack import INPUT, OUTPUT, BatchStack, Put, message
from tests.functional.batch.interruptions.killed_function import MARKERS, QUARANTINE_MARKERS
from tests.functional.batch.interruptions.model_s3 import KilledError
from tests.proof_figures import record_figure
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

READER_SECONDS = 30.0
"""Linux kills the reader with its function; a reader that has just started may first finish its file."""
DRIVER = Path(__file__).with_name("killed_function.py")


class Countdown:
    """Simulates a kill before or after the nth call to AWS."""

    def __init__(self, when: str) -> None:
        self.when = when
        self.left = 0
        self.hit = False

    def __call__(self, **_: Any) -> None:
        self.left -= 1
        if self.left == 0:
            self.hit = True
            raise KilledError


@pytest.fixture(params=["before-call", "after-call"])
def countdown(
    request: pytest.FixtureRequest, in_process: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> Countdown:
    """A countdown that the function's own clients call."""
    count = Countdown(request.param.removesuffix("-call"))

    def counted(make: Callable[[], Any]) -> Callable[[], Any]:
        def wired() -> Any:
            client = make()
            client.meta.events.register(request.param, count)
            return client

        return wired

    in_process()
    monkeypatch.setattr(app, "s3_client", counted(s3_client))
    monkeypatch.setattr(app, "events_client", counted(events_client))
    return count


def check_visible(stack: BatchStack) -> None:
    """Readers see complete objects only (G4)."""
    for key in stack.versions():
        body = stack.s3.get_object(Bucket=OUTPUT, Key=key)["Body"].read()
        if key.startswith("scored/"):
            assert pq.read_table(pa.BufferReader(body)).num_rows == 16
        else:
            assert json.loads(body)["code"]


def settled(stack: BatchStack, put: Put, folder: str) -> None:
    """The input has exactly one outcome, in one version (G1, G2)."""
    own = [key for key in stack.versions() if put.input_id in key]
    assert [key.split("/")[0] for key in own] == [folder]
    check_visible(stack)


@pytest.mark.parametrize(
    ("kind", "folder"), [("good", "scored"), ("garbage", "quarantine"), ("gone", "quarantine")]
)
def test_g1_g2_g4_a_kill_around_any_call_to_aws_loses_and_doubles_nothing(
    stack: BatchStack, countdown: Countdown, customers: bytes, kind: str, folder: str
) -> None:
    number = 0
    while True:
        number += 1
        put = stack.put(customers if kind == "good" else b"no Parquet")
        if kind == "gone":
            stack.s3.delete_object(Bucket=INPUT, Key=put.key, VersionId=put.version)
        countdown.left, countdown.hit = number, False
        try:
            stack.deliver(message(put.event()))
        except KilledError:
            check_visible(stack)
            assert stack.deliver(message(put.event(), 2)) == []
        settled(stack, put, folder)
        if not countdown.hit:
            break
    # Each call was interrupted once: HEAD of the output, HEAD, GET, PUT, the event.
    assert number - 1 == {"good": 5, "garbage": 4, "gone": 3}[kind]
    record_figure(
        f"Kills {countdown.when} each call to AWS ({kind} object), one outcome each", str(number - 1)
    )


def test_b1_a_second_delivery_at_any_call_of_the_first_changes_nothing(
    stack: BatchStack,
    in_process: Callable[[], None],
    another_environment: Callable[[], Deliveries],
    customers: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two environments with the same object: the second runs completely between two calls of the first."""
    in_process()
    turn = {"left": 0, "taken": 0}
    put = stack.put(customers)

    def let_the_other_run(**_: Any) -> None:
        turn["left"] -= 1
        if turn["left"] == 0:
            turn["taken"] += 1
            (handled,) = another_environment().handle(message(put.event()), lambda: 300.0)
            assert handled.action is not Action.RETRIED

    def wired() -> Any:
        client: Any = s3_client()
        client.meta.events.register("before-call", let_the_other_run)
        return client

    monkeypatch.setattr(app, "s3_client", wired)
    for number in range(1, 6):
        put = stack.put(customers)
        turn["left"] = number
        assert stack.deliver(message(put.event())) == []
        settled(stack, put, "scored")
    # HEAD of the output, HEAD, GET and PUT of the first.
    assert turn["taken"] == 4


def killed(stack: BatchStack, marker: str, *puts: Put) -> None:
    """Run the function in a separate process until it kills itself at the marker."""
    event = {"Records": [message({"Records": [put.notification() for put in puts]})]}
    done = subprocess.run(
        [sys.executable, DRIVER, marker],
        input=json.dumps(event),
        capture_output=True,
        text=True,
        check=False,
        env=_environment(),
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


def _environment() -> dict[str, str]:
    here = [str(DRIVER.parents[4]), *sys.path]
    return os.environ | {"PYTHONPATH": ":".join(filter(None, here)), "TMPDIR": tempfile.gettempdir()}


def readers_of(folder: Path) -> list[int]:
    """Return the processes whose working folder is below a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if path.readlink().is_relative_to(folder):
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


@pytest.mark.parametrize("marker", MARKERS)
def test_b28_a_process_killed_at_any_step_leaves_one_complete_output(
    stack: BatchStack, environment: Path, customers: bytes, marker: str
) -> None:
    put = stack.put(customers)

    killed(stack, marker, put)

    check_visible(stack)
    wait_for(lambda: not readers_of(environment), no_progress_seconds=READER_SECONDS)
    assert stack.deliver(message(put.event(), 2)) == []
    settled(stack, put, "scored")


@pytest.mark.parametrize("marker", QUARANTINE_MARKERS)
def test_b28_a_process_killed_around_a_record_leaves_one(stack: BatchStack, marker: str) -> None:
    put = stack.put(b"no Parquet")

    killed(stack, marker, put)

    assert stack.deliver(message(put.event(), 2)) == []
    settled(stack, put, "quarantine")


def test_b28_a_process_killed_between_two_objects_scores_both_once(
    stack: BatchStack, customers: bytes
) -> None:
    first, second = stack.put(customers, "incoming/1.parquet"), stack.put(customers, "incoming/2.parquet")
    both = {"Records": [first.notification(), second.notification()]}

    killed(stack, "after object done", first, second)

    assert stack.versions() == [stack.output_key(first)]
    assert stack.deliver(message(both, 2)) == []
    settled(stack, first, "scored")
    settled(stack, second, "scored")
