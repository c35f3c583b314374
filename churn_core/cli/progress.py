"""The progress of a command, on stderr."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from types import TracebackType

LINE_SECONDS: Final = 10.0
"""Without a terminal, a line is printed so often."""

_REDRAW_SECONDS: Final = 0.1
_TERMINAL_SECONDS: Final = 1.0
_BAR_WIDTH: Final = 30


class Progress:
    """Shows what a command does, how fast, and how long it will still take.

    On a terminal it is one line that is drawn again and again. Elsewhere, such as in a log of a build, it is
    a line every ten seconds.

    Parameters
    ----------
    label : str
        What is counted is shown after it.
    unit : str
        The unit of what is counted.
    """

    def __init__(self, label: str, unit: str = "rows") -> None:
        self._label = label
        self._unit = unit
        # None if the shell has closed it.
        self._terminal = sys.stderr is not None and sys.stderr.isatty()
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._drawn = 0.0
        self._text = ""
        self._began = time.monotonic()
        self._counting_since: float | None = None
        self._thread = threading.Thread(target=self._repeat, name="progress", daemon=True)

    def __enter__(self) -> Self:
        if sys.stderr is not None:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._terminal and self._drawn:
            _write("\r\033[K")

    def step(self, what: str) -> None:
        """Show the current step; time is counted from here."""
        with self._lock:
            self._began, self._counting_since, self._text = time.monotonic(), None, what
        if self._terminal:
            self._draw()

    def update(self, done: int, total: int) -> None:
        """Show how much is done."""
        now = time.monotonic()
        with self._lock:
            if self._counting_since is None:
                self._counting_since = self._began
            seconds = max(now - self._counting_since, 1e-9)
            self._text = progress_text(self._label, self._unit, done, total, seconds, bar=self._terminal)
        if self._terminal and now - self._drawn >= _REDRAW_SECONDS:
            self._draw()

    def _repeat(self) -> None:
        while not self._stopped.wait(_TERMINAL_SECONDS if self._terminal else LINE_SECONDS):
            self._draw()

    def _draw(self) -> None:
        with self._lock:
            text = self._text or self._label
            if self._counting_since is None:
                text = f"{text} ... {time.monotonic() - self._began:.0f} s"
            self._drawn = time.monotonic()
            _write(f"\r\033[K{text}" if self._terminal else f"{text}\n")


def progress_text(label: str, unit: str, done: int, total: int, seconds: float, *, bar: bool) -> str:
    """Describe how much is done, the rate and the time left.

    Parameters
    ----------
    label, unit : str
    done, total : int
    seconds : float
        How long it took, above 0.
    bar : bool
        Whether the share is drawn as a bar too.
    """
    share = min(1.0, done / total) if total else 1.0
    rate = done / seconds
    left = f", {_duration(max(0, total - done) / rate)} left" if rate and total > done else ""
    speed = f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}"
    if bar:
        filled = "#" * int(share * _BAR_WIDTH)
        return f"{label} [{filled:<{_BAR_WIDTH}}] {share:4.0%} {speed} {unit}/s{left}"
    return f"{label}: {done:,} of {total:,} {unit} ({share:.0%}), {speed} {unit}/s{left}"


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _write(text: str) -> None:
    # The command goes on even if nobody reads its progress.
    with suppress(OSError, ValueError):
        sys.stderr.write(text)
        sys.stderr.flush()
