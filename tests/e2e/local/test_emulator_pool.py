"""A pool gives each call its own environment, and replaces environments that die."""

from __future__ import annotations

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from infra.local.aws.emulator_pool import EmulatorPool
from infra.local.aws.remote_function import FunctionError
from infra.local.template_settings import FunctionDefinition
from infra.local.tools import LambdaTools

if TYPE_CHECKING:
    from collections.abc import Callable

HANDLER: Final = """
import os, pathlib, tempfile, time

def handle(event, context):
    print("said", event["word"], flush=True)
    if "wait_for" in event:
        pathlib.Path(event["wait_for"] + ".called").touch()
        while not pathlib.Path(event["wait_for"]).exists():
            time.sleep(0.01)
    if event["word"] == "raise":
        raise ValueError(event["word"])
    return event["answer"] if "answer" in event else {"parent": os.getppid(), "tmp": tempfile.gettempdir()}
"""


@pytest.fixture
def make_pool(lambda_tools: LambdaTools, tmp_path: Path) -> Callable[..., EmulatorPool]:
    """Make pools of a small function that returns its process and its temporary folder."""
    (tmp_path / "app.py").write_text(HANDLER, encoding="utf-8")
    function = FunctionDefinition("app.handle", memory_mb=128, timeout_seconds=60, environment={})

    def make(size: int, on_log: Callable[[str], None] | None = None) -> EmulatorPool:
        return EmulatorPool(tmp_path, function, {}, lambda_tools, size, on_log)

    return make


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_simultaneous_calls_have_their_own_environment_and_temporary_folder(
    make_pool: Callable[..., EmulatorPool], tmp_path: Path
) -> None:
    go = tmp_path / "go"
    with make_pool(2) as pool, ThreadPoolExecutor(2) as calls:
        slow = calls.submit(pool.invoke, {"word": "a", "wait_for": str(go)})
        while not Path(f"{go}.called").exists():
            pass
        other = pool.invoke({"word": "b"})
        go.touch()
        answers = [slow.result(), other]
    assert len({answer["parent"] for answer in answers}) == 2
    folders = {answer["tmp"] for answer in answers}
    assert len(folders) == 2
    assert not [folder for folder in folders if Path(folder).exists()]


def test_calls_wait_for_a_free_environment(make_pool: Callable[..., EmulatorPool]) -> None:
    with make_pool(2) as pool, ThreadPoolExecutor(8) as calls:
        answers = list(calls.map(lambda number: pool.invoke({"word": "x", "answer": number}), range(24)))
    assert answers == list(range(24))


@pytest.mark.parametrize("answer", [None, [], "fine", {}, {"batchItemFailures": []}])
def test_every_kind_of_answer_is_returned(make_pool: Callable[..., EmulatorPool], answer: Any) -> None:
    with make_pool(1) as pool:
        assert pool.invoke({"word": "x", "answer": answer}) == answer


def test_a_failed_call_raises_and_the_next_call_works(
    make_pool: Callable[..., EmulatorPool],
) -> None:
    with make_pool(1) as pool:
        with pytest.raises(FunctionError, match="ValueError"):
            pool.invoke({"word": "raise"})
        assert pool.invoke({"word": "x", "answer": "fine"}) == "fine"


def test_an_environment_that_dies_is_replaced(make_pool: Callable[..., EmulatorPool]) -> None:
    with make_pool(1) as pool:
        before = pool.invoke({"word": "x"})["parent"]
        os.kill(before, signal.SIGKILL)
        # Wait for its end, but leave its exit code to the pool.
        os.waitid(os.P_PID, before, os.WEXITED | os.WNOWAIT)
        after = pool.invoke({"word": "x"})["parent"]
    assert after != before


def test_each_line_of_the_log_is_passed_on_once(make_pool: Callable[..., EmulatorPool]) -> None:
    logs: list[str] = []
    words = [f"word-{number}." for number in range(6)]
    with make_pool(2, logs.append) as pool:
        for word in words:
            pool.invoke({"word": word})
        with pytest.raises(FunctionError):
            pool.invoke({"word": "raise"})
    lines = "".join(logs).splitlines()
    assert [line for line in lines if line.startswith("said")] == [
        f"said {word}" for word in [*words, "raise"]
    ]


def test_calls_in_progress_at_the_end_fail_and_no_process_is_left(
    make_pool: Callable[..., EmulatorPool], tmp_path: Path
) -> None:
    never = tmp_path / "never"
    errors: list[Exception] = []

    def call(pool: EmulatorPool) -> None:
        try:
            pool.invoke({"word": "x", "wait_for": str(never)})
        except FunctionError as error:
            errors.append(error)

    with make_pool(1) as pool:
        emulator = pool.invoke({"word": "x"})["parent"]
        # The second call waits for an environment and never gets one.
        threads = [threading.Thread(target=call, args=(pool,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        while not Path(f"{never}.called").exists():
            pass
    for thread in threads:
        thread.join()
    assert (len(errors), alive(emulator)) == (2, False)
