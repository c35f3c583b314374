"""`churn serve` as a user starts it, for the tests that call it over HTTP."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

from infra.local.child_process import ChildProcess
from tests.child_output import wait_for_output

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import ExitStack
    from pathlib import Path


class ServedApi(ChildProcess):
    """A running ``churn serve``, which Ctrl-C stops.

    Parameters
    ----------
    model : Path
        The bundle to answer with.
    arguments : sequence of str
        More arguments of the command; by default a free port.

    Attributes
    ----------
    address : str
        The address that it has printed.
    """

    def __init__(self, model: Path, arguments: Sequence[str] = ("--port", "0")) -> None:
        super().__init__(
            [sys.executable, "-m", "churn_core.cli", "serve", "--model", model, *arguments],
            stop_signal=signal.SIGINT,
        )
        self.address = ""

    def start(self, stack: ExitStack) -> None:
        super().start(stack)
        self.address = wait_for_output(self, r"http://\S+(?=\s)")[0]
