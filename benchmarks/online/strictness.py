"""Send wrong customers to a server; find those that it scores without an error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.online.request_shapes import Fields
    from benchmarks.online.running_server import RunningServer


def _replaced(column: str, value: Any) -> Callable[[Fields], Fields]:
    return lambda fields: [(name, value if name == column else known) for name, known in fields]


def _with(column: str, value: Any) -> Callable[[Fields], Fields]:
    return lambda fields: [*fields, (column, value)]


def _without(column: str) -> Callable[[Fields], Fields]:
    return lambda fields: [(name, value) for name, value in fields if name != column]


CASES: Final[dict[str, Callable[[Fields], Fields]]] = {
    "an unknown column": _with("ShoeSize", 44),
    "a column twice": _with("tenure", 72),
    "`NaN` for a number that must be there": _replaced("MonthlyCharges", float("nan")),
    "text for a number": _replaced("MonthlyCharges", "29.85"),
    "`true` for a number": _replaced("MonthlyCharges", True),
    "1.5 for a whole number": _replaced("tenure", 1.5),
    "a number out of range": _replaced("tenure", -5),
    "a number too large for the model": _replaced("MonthlyCharges", 1e39),
    "a number left out": _without("tenure"),
    "`null` for a number": _replaced("tenure", None),
}
"""Changes to a valid customer of the sample contract, by what is wrong after them."""


def accepted_cases(server: RunningServer, customer: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Return the names of the cases that the server scores, and of those that it answers with a 5xx."""
    accepted, failed = [], []
    for name, change in CASES.items():
        status, _ = server.post(change(list(customer.items())))
        if status < 300:
            accepted.append(name)
        elif status >= 500:
            failed.append(name)
    return accepted, failed
