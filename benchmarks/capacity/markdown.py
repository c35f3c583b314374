"""Tables and figures as the pages write them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table."""
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, ["---"] * len(head), *rows])


def dollars(amount: float) -> str:
    """Return an amount with three digits that count, never as a power of ten."""
    if amount == 0:
        return "$0"
    decimals = 2
    while decimals < 12 and amount < 10 ** (2 - decimals):
        decimals += 1
    return f"${amount:,.{decimals}f}"


def duration(seconds: float) -> str:
    """Return seconds, or minutes where they are many."""
    return f"{seconds:,.0f} s" if seconds < 120 else f"{seconds / 60:,.1f} min"


def power(rows: int) -> str:
    """Return a power of ten as such."""
    return f"10^{len(str(rows)) - 1}"
