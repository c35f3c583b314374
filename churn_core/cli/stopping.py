"""Ctrl-C, SIGTERM and SIGHUP: each ends a command after it has cleaned up."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_REPEATED_SECONDS: Final = 1.0
"""For so long a repeated signal is ignored, because it would cut the cleaning short."""


@dataclass
class Stop:
    """Whether the command was asked to stop.

    Attributes
    ----------
    requested : bool
    """

    requested: bool = False
    _since: float = 0.0

    def request(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal: raise `KeyboardInterrupt`, as Python does for Ctrl-C alone."""
        now = time.monotonic()
        if self.requested and now - self._since < _REPEATED_SECONDS:
            return
        self.requested, self._since = True, now
        signal.default_int_handler(number, frame)


@contextmanager
def stop_signals() -> Iterator[Stop]:
    """Have each stop signal raise `KeyboardInterrupt` in the block, except signals that are ignored."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        # Python allows signal handlers in the main thread alone.
        yield stop
        return
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    # `nohup` ignores SIGHUP, and shells start background jobs with SIGINT ignored.
    before = {number: handler for number, handler in before.items() if handler is not signal.SIG_IGN}
    for number in before:
        signal.signal(number, stop.request)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
