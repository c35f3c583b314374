"""A line for each file that the batch function has handled, made from the function's log."""

from __future__ import annotations

import json
from typing import Any


class OutcomeLines:
    """Prints what has become of each file; the log holds no customer's value, and neither do the lines.

    Parameters
    ----------
    results_address : str
        Where the output bucket can be read by HTTP.
    """

    def __init__(self, results_address: str) -> None:
        self._results_address = results_address

    def tell(self, log: str) -> None:
        """Print the lines for a piece of the function's log."""
        for line in log.splitlines():
            told = _told(line)
            if told is not None:
                print(self._line(told), flush=True)

    def tell_failure(self, error: Exception) -> None:
        """Print that an invocation brought no answer."""
        # The error's text holds the function's whole log.
        print(f"failed  {type(error).__name__}; the queue delivers the file again.", flush=True)

    def _line(self, told: dict[str, Any]) -> str:
        counts = f"{told['rows']:,} rows, {told['rejected']:,} rejected" if "rows" in told else None
        key = told.get("output_key")
        address = f"{self._results_address}/{key}" if key else None
        again = "Tried again soon." if told["action"] == "retried" else None
        return "  ".join(
            part for part in (told["message"], counts, told.get("detail"), again, address) if part
        )


def _told(line: str) -> dict[str, Any] | None:
    """Return what a line of the log tells of a file; None if it tells of none."""
    try:
        told = json.loads(line)
    except ValueError:
        return None
    return told if isinstance(told, dict) and "action" in told else None
