"""How ``churn outcomes`` joins scores and labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date


@dataclass(frozen=True, slots=True)
class Maturity:
    """Scores count from `horizon_days` after their day on, if that is not after `until`."""

    horizon_days: int
    until: date


@dataclass(frozen=True, slots=True)
class JoinSettings:
    """How scores and labels are joined.

    Attributes
    ----------
    id_column : str or None
        Of the labels; the name of the scores' id column if None.
    date_column : str or None
        Of the labels.
    day : date or None
        Of scores that lie in no folder ``dt=``.
    maturity : Maturity or None
        Counts every day if None.
    segments : tuple of str
        Columns of the scored files by whose values the quality is measured too.
    campaign : str or None
        Whose customers are measured; all if None.
    """

    id_column: str | None = None
    date_column: str | None = None
    day: date | None = None
    maturity: Maturity | None = None
    segments: tuple[str, ...] = ()
    campaign: str | None = None
