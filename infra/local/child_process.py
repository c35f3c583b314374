"""Start a server or another long-running command, wait until it is ready, and stop it with all its children.

The local stack, the tests and the benchmarks all start their processes here.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_POLL_SECONDS: Final = 0.02
_PATIENCE_SECONDS: Final = 60.0
_STATE, _SESSION, _USER_TICKS, _SYSTEM_TICKS = 0, 3, 11, 12
"""Positions in /proc/PID/stat, counted from the field after the name (proc(5))."""


class ProcessFailedError(Exception):
    """A process ended or hung before it was ready; the message ends with its output."""


class Service(ABC):
    """Something that runs while the ``with`` block lasts, and is stopped even if its start fails half way."""

    @abstractmethod
    def start(self, stack: ExitStack) -> None:
        """Start it; what is put on the stack is undone in reverse order at the end, or if the start fails."""

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.start(stack)
            self._cleanup = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._cleanup.close()


class ChildProcess(Service):
    """A command that runs while the ``with`` block lasts, in a session of its own.

    Parameters
    ----------
    command : sequence of str or Path
    folder : Path, optional
        Its working directory.
    environment : mapping, optional
        All its environment variables; this process's by default.
    stop_signal : Signals
        Sent to the command itself when it is stopped.
    grace_seconds : float
        How long it may take to end after that signal. Then the whole session is killed.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        grace_seconds: float = 30.0,
    ) -> None:
        self._command = [str(word) for word in command]
        self._folder = folder
        self._environment = environment
        self._stop_signal = stop_signal
        self._grace_seconds = grace_seconds

    def start(self, stack: ExitStack) -> None:
        # A file, not a pipe: nobody has to read it while the process runs.
        self._output: IO[bytes] = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
        self._process = subprocess.Popen(
            self._command,
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        stack.callback(self.stop)

    @property
    def pid(self) -> int:
        """Process id of the command, which is also the id of its session."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the command itself is still running."""
        return self._process.poll() is None

    @property
    def output(self) -> str:
        """Standard output and standard error so far, as one text."""
        size = os.fstat(self._output.fileno()).st_size
        # Reading at an offset leaves the position alone at which the process writes.
        return os.pread(self._output.fileno(), size, 0).decode(errors="replace")

    def wait_until(self, is_ready: Callable[[], bool], patience_seconds: float = _PATIENCE_SECONDS) -> None:
        """Wait until a condition holds, for as long as the process makes progress.

        Progress is new output or another tenth of a second of processor time, so a busy
        machine only slows it down.

        Parameters
        ----------
        is_ready : callable
        patience_seconds : float
            Longest time without progress.

        Raises
        ------
        ProcessFailedError
            If the process ends first, or makes no progress.
        """
        progress, since = self._progress(), time.monotonic()
        while not is_ready():
            if not self.is_running:
                # The condition may have come true just before the end.
                if is_ready():
                    return
                raise ProcessFailedError(f"It ended with code {self._process.returncode}:\n{self.output}")
            if (now := self._progress()) != progress:
                progress, since = now, time.monotonic()
            elif time.monotonic() - since > patience_seconds:
                raise ProcessFailedError(f"No progress for {patience_seconds:.0f} s:\n{self.output}")
            time.sleep(_POLL_SECONDS)

    def wait_until_listening(self, port: int) -> None:
        """Wait until something accepts connections at a port of 127.0.0.1; raises as `wait_until`."""
        self.wait_until(lambda: _accepts(port))

    def wait(self) -> int:
        """Wait until the command ends by itself; return its exit code."""
        return self._process.wait()

    def stop(self) -> int:
        """Stop the command and everything that it has started; return the command's exit code."""
        if self.is_running:
            self._process.send_signal(self._stop_signal)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(self._grace_seconds)
        if self.is_running:
            self._process.kill()
        # Children that the command left behind are still in its session, whatever their process group.
        for pid in _session(self.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return self._process.wait()

    def _progress(self) -> tuple[int, int]:
        """Return the output's size in bytes, and the session's processor time in tenths of a second."""
        ticks = sum(_session(self.pid).values())
        return os.fstat(self._output.fileno()).st_size, ticks * 10 // os.sysconf("SC_CLK_TCK")


def free_ports(number: int) -> tuple[int, ...]:
    """Return different ports of 127.0.0.1 that nothing listens at now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return tuple(each.getsockname()[1] for each in sockets)


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _session(leader: int) -> dict[int, int]:
    """Return the processes of a session with their processor time in clock ticks; {} without /proc."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # The name comes before these fields and may hold spaces and parentheses.
            fields = path.read_text(errors="replace").rpartition(")")[2].split()
            if int(fields[_SESSION]) == leader and fields[_STATE] != "Z":
                found[int(path.parent.name)] = int(fields[_USER_TICKS]) + int(fields[_SYSTEM_TICKS])
    return found
