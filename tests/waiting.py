"""Wait in tests by progress, not by the clock: a busy machine is slow, and only a stalled one is an error."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

NO_PROGRESS_SECONDS: Final = 120.0
"""Many times longer than any single step takes while other processes use all cores."""

_Result = TypeVar("_Result")


def wait_for(
    result: Callable[[], _Result | None],
    progress: Callable[[], object] = lambda: None,
    no_progress_seconds: float = NO_PROGRESS_SECONDS,
) -> _Result:
    """Wait until there is a result; fail once nothing has changed for a long time.

    Parameters
    ----------
    result : callable
        Returns None or False while there is no result.
    progress : callable
        Returns a value that changes while work goes on, such as a number of calls.
    no_progress_seconds : float
        The wait fails if `progress` returns the same value for this time.
    """
    last, changed = progress(), time.monotonic()
    while True:
        found = result()
        if found is not None and found is not False:
            return found
        now = progress()
        if now != last:
            last, changed = now, time.monotonic()
        elif time.monotonic() - changed > no_progress_seconds:
            raise AssertionError(f"nothing has changed for {no_progress_seconds:g} seconds; last: {last!r}")
        time.sleep(0.05)
