"""A function is called over HTTP, as between containers, on the real emulator."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import pytest

from infra.local.aws.emulator import FunctionUnderEmulator
from infra.local.aws.remote_function import FunctionError, RemoteFunction
from infra.local.tools import LambdaTools

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HANDLER: Final = """
import os, time

def handle(event, context):
    if "raise" in event:
        raise ValueError("said " + event["raise"])
    if "sleep" in event:
        time.sleep(event["sleep"])
    if "exit" in event:
        os._exit(event["exit"])
    return event.get("answer")
"""


@pytest.fixture(scope="module")
def function(
    lambda_tools: LambdaTools, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FunctionUnderEmulator]:
    folder: Path = tmp_path_factory.mktemp("function")
    (folder / "app.py").write_text(HANDLER, encoding="utf-8")
    with FunctionUnderEmulator(folder, "app.handle", {}, lambda_tools, timeout_seconds=1) as running:
        yield running


@pytest.fixture
def remote(function: FunctionUnderEmulator) -> RemoteFunction:
    return RemoteFunction(function.address, timeout_seconds=1)


def test_simultaneous_calls_are_made_one_after_the_other(
    function: FunctionUnderEmulator, remote: RemoteFunction
) -> None:
    """Two calls at a time would crash the emulator."""
    words = [f"é {number}" for number in range(30)]
    with ThreadPoolExecutor(6) as calls:
        answers = list(calls.map(lambda word: remote.invoke({"answer": word}), words))
    assert answers == words
    assert function.is_running


@pytest.mark.parametrize("answer", [None, 1, "text", [1], {"errors": 1}])
def test_every_kind_of_json_is_returned(remote: RemoteFunction, answer: object) -> None:
    assert remote.invoke({"answer": answer}) == answer


@pytest.mark.parametrize(
    ("event", "reason"),
    [({"raise": "so"}, "ValueError"), ({"sleep": 5}, "timed out"), ({"exit": 1}, "Runtime.ExitError")],
)
def test_a_failed_call_raises_and_the_next_call_works(
    remote: RemoteFunction, event: dict[str, object], reason: str
) -> None:
    with pytest.raises(FunctionError, match=reason):
        remote.invoke(event)
    assert remote.invoke({"answer": "again"}) == "again"


def test_a_call_of_a_stopped_container_raises() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with pytest.raises(FunctionError, match="Nothing answers"):
        RemoteFunction(f"http://127.0.0.1:{port}", timeout_seconds=1).invoke({})
