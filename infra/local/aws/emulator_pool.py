"""Several execution environments of one function, as in Lambda; each takes one call at a time."""

from __future__ import annotations

import queue
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infra.local.aws.emulator import FunctionUnderEmulator
from infra.local.aws.remote_function import FunctionError
from infra.local.child_process import Service

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from infra.local.template_settings import FunctionDefinition
    from infra.local.tools import LambdaTools


@dataclass(slots=True)
class _Environment:
    """An emulator, and the length of its log that was passed on."""

    emulator: FunctionUnderEmulator
    log_position: int = 0


class EmulatorPool(Service):
    """Takes calls while the ``with`` block lasts; calls still in progress at its end fail.

    Parameters
    ----------
    build_dir : Path
        Folder of the built function.
    function : FunctionDefinition
    environment : mapping
        Variables in addition to the template's.
    tools : LambdaTools
    size : int
        Number of environments.
    on_log : callable, optional
        Called after each call with the lines that it has written.
    """

    def __init__(
        self,
        build_dir: Path,
        function: FunctionDefinition,
        environment: Mapping[str, str],
        tools: LambdaTools,
        size: int,
        on_log: Callable[[str], None] | None = None,
    ) -> None:
        self._build_dir = build_dir
        self._function = function
        self._variables = {**function.environment, **environment}
        self._tools = tools
        self._size = size
        self._on_log = on_log
        self._free: queue.Queue[_Environment] = queue.Queue()
        self._lock = threading.Lock()
        self._closed = False
        self._running = ExitStack()

    def start(self, stack: ExitStack) -> None:
        stack.callback(self._close)
        for _ in range(self._size):
            self._free.put(self._new_environment())

    def _close(self) -> None:
        with self._lock:
            self._closed = True
            self._running.close()

    def invoke(self, event: Mapping[str, Any]) -> Any:
        """Call the function in a free environment; wait for one if there is none.

        Raises
        ------
        FunctionError
            If the function failed, or the pool is closed.
        """
        environment = self._free.get()
        try:
            if not environment.emulator.is_running:
                environment = self._replacement()
            return environment.emulator.invoke(event)
        finally:
            written = self._new_lines(environment)
            self._free.put(environment)
            if self._on_log is not None:
                self._on_log(written)

    def _new_environment(self) -> _Environment:
        emulator = FunctionUnderEmulator(
            self._build_dir,
            self._function.handler,
            self._variables,
            self._tools,
            memory_mb=self._function.memory_mb,
            timeout_seconds=self._function.timeout_seconds,
        )
        return _Environment(self._running.enter_context(emulator))

    def _replacement(self) -> _Environment:
        """Return a new environment in place of a dead one."""
        with self._lock:
            if self._closed:
                raise FunctionError("The local stack is stopping.")
            return self._new_environment()

    def _new_lines(self, environment: _Environment) -> str:
        """Return the complete lines that were added to the log since the last call."""
        with self._lock:
            # A closed environment has no log any more.
            if self._closed:
                return ""
            log = environment.emulator.log
        start, end = environment.log_position, log.rfind("\n") + 1
        environment.log_position = max(start, end)
        return log[start:end]
