"""Counts of scores, from which predicted churn rates and metric estimates are computed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from churn_core.scoring.money import MILLION, Flagged

Counts = npt.NDArray[np.int64]

SCORE_STEPS: Final = 1_000
"""Steps from 0 to 1 of the histogram from which the AUC is estimated."""

_MILLIONTHS_A_STEP: Final = MILLION // SCORE_STEPS


@dataclass(slots=True)
class ScoreCounts:
    """Counts of the scores of a table or a part of it.

    Attributes
    ----------
    rows, millionths : ndarray of int64, shape (SCORE_STEPS + 1,)
        By step of the histogram: scored rows, and the sum of their scores in millionths.
    flagged : Flagged
        Rows at or above the threshold.
    """

    rows: Counts = field(default_factory=lambda: np.zeros(SCORE_STEPS + 1, dtype=np.int64))
    millionths: Counts = field(default_factory=lambda: np.zeros(SCORE_STEPS + 1, dtype=np.int64))
    flagged: Flagged = field(default_factory=Flagged)

    @classmethod
    def count(cls, probability: npt.NDArray[np.float64], threshold: float) -> ScoreCounts:
        """Count scores that are rounded to six decimals."""
        millionths = np.rint(probability * MILLION).astype(np.int64)
        steps = millionths // _MILLIONTHS_A_STEP
        return cls(
            rows=np.bincount(steps, minlength=SCORE_STEPS + 1),
            # Sums of whole numbers below 2**53 are exact in float64.
            millionths=np.bincount(steps, weights=millionths, minlength=SCORE_STEPS + 1).astype(np.int64),
            flagged=Flagged.count(probability, threshold),
        )

    def add(self, other: ScoreCounts) -> None:
        """Add another part of the same table."""
        self.rows += other.rows
        self.millionths += other.millionths
        self.flagged += other.flagged


def count_intervals(
    values: npt.NDArray[np.floating], edges: npt.NDArray[np.floating], present: int | None = None
) -> Counts:
    """Count values between edges; an edge belongs to the interval above it.

    Parameters
    ----------
    values : ndarray, shape (rows,)
        NaN is not counted.
    edges : ndarray, shape (intervals - 1,)
        In rising order.
    present : int, optional
        Number of values that are not NaN; all by default.
    """
    above = [len(values) if present is None else present]
    above += [int(np.count_nonzero(values >= edge)) for edge in edges]
    from_edge = np.array([*above, 0], dtype=np.int64)
    return from_edge[:-1] - from_edge[1:]
