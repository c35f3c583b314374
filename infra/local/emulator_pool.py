"""Several environments of one function, as Lambda keeps them: each takes one call at a time."""

from __future__ import annotations

import queue
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

from emulator import FunctionUnderEmulator

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import TracebackType

    from emulator import LambdaTools
    from template_settings import FunctionDefinition


class EmulatorPool:
    """Takes calls while the ``with`` block lasts.

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
        Called with what a call has written.
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
        self._free: queue.Queue[FunctionUnderEmulator] = queue.Queue()
        self._on_log = on_log
        self._all = [
            FunctionUnderEmulator(
                build_dir,
                function.handler,
                {**function.environment, **environment},
                tools,
                memory_mb=function.memory_mb,
                timeout_seconds=function.timeout_seconds,
            )
            for _ in range(size)
        ]

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for emulator in self._all:
                self._free.put(stack.enter_context(emulator))
            self._cleanup = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cleanup.close()

    def invoke(self, event: Mapping[str, Any]) -> Any:
        """Call the function in an environment that is free, or wait for one.

        Raises
        ------
        FunctionError
            If the function failed.
        """
        emulator = self._free.get()
        before = len(emulator.log)
        try:
            return emulator.invoke(event)
        finally:
            written = emulator.log[before:]
            self._free.put(emulator)
            if self._on_log is not None:
                self._on_log(written)
