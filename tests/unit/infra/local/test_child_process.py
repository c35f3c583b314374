"""Processes are waited for by their progress, and stopped with everything that they have started."""

from __future__ import annotations

import signal
import socket
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from infra.local.child_process import ChildProcess, ProcessFailedError, free_ports
from tests.child_output import wait_for_output


def python(
    program: str, stop_signal: signal.Signals = signal.SIGTERM, grace_seconds: float = 30
) -> ChildProcess:
    command = [sys.executable, "-u", "-c", program]
    return ChildProcess(command, stop_signal=stop_signal, grace_seconds=grace_seconds)


def is_alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def test_output_of_both_streams_is_kept() -> None:
    program = "import sys; print('to out'); print('to err', file=sys.stderr); print('größe')"
    with python(program) as child:
        assert child.wait() == 0
        assert child.output == "to out\nto err\ngröße\n"


def test_waiting_for_output_returns_the_match() -> None:
    with python("import time; print('port 4711'); time.sleep(600)") as child:
        assert wait_for_output(child, r"port (\d+)\n")[1] == "4711"


def test_waiting_for_a_port_ends_when_something_listens() -> None:
    (port,) = free_ports(1)
    program = f"import socket, time; s = socket.create_server(('127.0.0.1', {port})); time.sleep(600)"
    with python(program) as child:
        child.wait_until_listening(port)
        socket.create_connection(("127.0.0.1", port)).close()


def test_free_ports_differ() -> None:
    assert len(set(free_ports(20))) == 20


def test_a_process_that_ends_too_early_fails_with_its_output() -> None:
    with (
        python("print('no model'); raise SystemExit(3)") as child,
        pytest.raises(ProcessFailedError, match=r"code 3:\nno model"),
    ):
        child.wait_until(lambda: False)


def test_a_condition_that_the_ending_process_met_counts(tmp_path: Path) -> None:
    done = tmp_path / "done"
    with python(f"open({str(done)!r}, 'w')") as child:
        child.wait()
        child.wait_until(done.exists)


@pytest.mark.parametrize(
    "program", ["while True: pass", "import time\nwhile True: print('.'); time.sleep(0.1)"]
)
def test_a_process_that_works_or_writes_is_waited_for_longer_than_the_patience(program: str) -> None:
    with python(program) as child:
        end = time.monotonic() + 3
        child.wait_until(lambda: time.monotonic() > end, patience_seconds=2)


def test_a_process_that_does_nothing_fails_after_the_patience() -> None:
    with python("import time; print('asleep'); time.sleep(600)") as child:
        wait_for_output(child, "asleep")
        with pytest.raises(ProcessFailedError, match=r"(?s)No progress.*asleep"):
            child.wait_until(lambda: False, patience_seconds=0.2)


@pytest.mark.parametrize("stop_signal", [signal.SIGTERM, signal.SIGINT])
def test_the_stop_signal_lets_it_clean_up(stop_signal: signal.Signals) -> None:
    program = """
import signal, sys, time
signal.signal(signal.SIGTERM, signal.default_int_handler)
print("ready")
try:
    time.sleep(600)
except KeyboardInterrupt:
    print("cleaned up")
    sys.exit(7)
"""
    with python(program, stop_signal) as child:
        wait_for_output(child, "ready")
        assert (child.stop(), child.output) == (7, "ready\ncleaned up\n")
        assert not child.is_running


def test_a_process_that_ignores_the_signal_is_killed() -> None:
    program = "import signal, time; signal.signal(15, signal.SIG_IGN); print('ready'); time.sleep(600)"
    with python(program, grace_seconds=0.2) as child:
        wait_for_output(child, "ready")
        assert child.stop() == -signal.SIGKILL


def test_children_that_it_left_behind_are_killed_too() -> None:
    program = """
import os, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], process_group=0)
print("child", child.pid)
os._exit(0)
"""
    with python(program) as parent:
        pid = int(wait_for_output(parent, r"child (\d+)\n")[1])
        parent.wait()
        assert is_alive(pid)
    while is_alive(pid):
        pass


def test_a_start_that_fails_stops_the_process() -> None:
    class NeverReady(ChildProcess):
        def start(self, stack: ExitStack) -> None:
            super().start(stack)
            wait_for_output(self, "ready")
            raise ValueError(self.pid)

    with pytest.raises(ValueError, match=r"\d+") as raised:
        NeverReady(
            [sys.executable, "-c", "import time; print('ready', flush=True); time.sleep(600)"]
        ).__enter__()
    assert not is_alive(int(str(raised.value)))
