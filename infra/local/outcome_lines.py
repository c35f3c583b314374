"""Print a line for each file that the batch function has handled, taken from the function's log."""

from __future__ import annotations

import json
from typing import Any


class OutcomeLines:
    """Prints the outcome of each file. The log holds no customer's values, and neither do the lines.

    Parameters
    ----------
    results_address : str
        HTTP address of the output bucket.
    """

    def __init__(self, results_address: str) -> None:
        self._results_address = results_address

    def print_outcomes(self, log: str) -> None:
        """Print a line for each file in a part of the function's log."""
        for line in log.splitlines():
            outcome = _parse_outcome(line)
            if outcome is not None:
                print(self._text(outcome), flush=True)

    def _text(self, outcome: dict[str, Any]) -> str:
        counts = f"{outcome['rows']:,} rows, {outcome['rejected']:,} rejected" if "rows" in outcome else None
        key = outcome.get("output_key")
        address = f"{self._results_address}/{key}" if key else None
        retry = "Will be tried again soon." if outcome["action"] == "retried" else None
        return "  ".join(
            part for part in (outcome["message"], counts, outcome.get("detail"), retry, address) if part
        )


def print_failure(error: Exception) -> None:
    """Print that an invocation of the batch function failed."""
    # Not the error's text, which holds the function's whole log.
    print(f"failed  {type(error).__name__}; the queue delivers the file again.", flush=True)


def _parse_outcome(line: str) -> dict[str, Any] | None:
    """Return the fields of a log line about a file; None for every other line."""
    try:
        fields = json.loads(line)
    except ValueError:
        return None
    return fields if isinstance(fields, dict) and "action" in fields else None
