"""Figures of rounds that were run in turn: their median, and how far they lie apart."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured quantity over all rounds.

    Attributes
    ----------
    median, low, high : float
        The middle round, the smallest and the largest.
    """

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        """Sum up the values of the rounds."""
        known = list(values)
        return cls(median(known), min(known), max(known))

    def text(self, decimals: int) -> str:
        """Write the median with its spread behind it."""
        return f"{self.median:,.{decimals}f} ({self.low:,.{decimals}f} to {self.high:,.{decimals}f})"
