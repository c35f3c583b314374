"""Several environments of one function, as Lambda keeps them: each takes one call at a time."""

from __future__ import annotations

import queue
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from infra.local.emulator import FunctionError, FunctionUnderEmulator

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import TracebackType

    from infra.local.emulator import LambdaTools
    from infra.local.template_settings import FunctionDefinition


@dataclass(slots=True)
class _Environment:
    """An emulator, and how much of its log was handed on."""

    emulator: FunctionUnderEmulator
    handed_on: int = 0


class EmulatorPool:
    """Takes calls while the ``with`` block lasts; ends those under way when it is left.

    Parameters
    ----------
    build_dir : Path
        The built function.
    function : FunctionDefinition
    environment : mapping
        More variables than the template's.
    tools : LambdaTools
    size : int
        Environments.
    on_log : callable, optional
        Called with the lines that a call has written.
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

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.callback(self._running.close)
            for _ in range(self._size):
                self._free.put(self._start())
            stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._closed = True
            self._running.close()

    def invoke(self, event: Mapping[str, Any]) -> Any:
        """Call the function in an environment that is free, or wait for one.

        Raises
        ------
        FunctionError
            If the function failed, or the pool is closed.
        """
        environment = self._free.get()
        try:
            if not environment.emulator.is_running:
                environment = self._replacement()
            return environment.emulator.call(event)
        finally:
            written = self._written(environment)
            self._free.put(environment)
            if self._on_log is not None:
                self._on_log(written)

    def _start(self) -> _Environment:
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
        """Return a new environment for one that has died, unless all are to end."""
        with self._lock:
            if self._closed:
                raise FunctionError("The function's environments are being ended.")
            return self._start()

    def _written(self, environment: _Environment) -> str:
        """Return the whole lines that the log has got since it was last asked for."""
        with self._lock:
            # With its environment a log goes away.
            if self._closed:
                return ""
            log = environment.emulator.log
        start, end = environment.handed_on, log.rfind("\n") + 1
        environment.handed_on = max(start, end)
        return log[start:end]
