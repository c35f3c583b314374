"""`churn serve` as a user starts it, for tests over HTTP."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType


class ServedApi:
    """A running ``churn serve``.

    Parameters
    ----------
    model : Path
        The bundle to answer with.
    arguments : sequence of str
        Further arguments of the command; by default a free port.
    """

    def __init__(self, model: Path, arguments: Sequence[str] = ("--port", "0")) -> None:
        self._command = [sys.executable, "-m", "churn_core.cli", "serve", "--model", str(model), *arguments]
        self.address = ""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert self._process.stdout is not None
        first = self._process.stdout.readline()
        found = re.search(r"http://\S+", first)
        if found is None:
            raise AssertionError(first + self._process.stdout.read())
        self.address = found[0]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> tuple[int, str]:
        """Stop it as Ctrl-C does; return its exit code and its output."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        output, _ = self._process.communicate(timeout=20)
        return self._process.returncode, output
