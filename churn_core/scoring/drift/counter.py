"""Count a table's values and scores by the intervals of the training profile, while it is scored.

All sums are of whole numbers, so batch sizes, their order and the number of threads do not change them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from churn_core.schema import CategoryFeature
from churn_core.scoring.drift.score_counts import Counts, ScoreCounts, count_intervals

if TYPE_CHECKING:
    import numpy.typing as npt

    from churn_core.schema import Contract
    from churn_core.scoring.drift.profile import ColumnProfile, TrainingProfile

_FEW_CODES: Final = 12
"""Up to this many codes, one comparison of the whole column for each code is faster than `bincount`."""


@dataclass(slots=True)
class DriftCounts:
    """Counts of a table or a part of it.

    Attributes
    ----------
    columns : list of ndarray of int64
        For each feature in contract order, scored rows by value, as in `ColumnProfile.counts`.
    intervals : ndarray of int64
        Scored rows by interval of the score profile.
    scores : ScoreCounts
        Scored rows by score.
    refused : dict
        By column name, the rows whose value in that column was refused, by reject code.
    """

    columns: list[Counts]
    intervals: Counts
    scores: ScoreCounts = field(default_factory=ScoreCounts)
    refused: dict[str, Counter[str]] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Scored rows."""
        return int(self.scores.rows.sum())

    def add(self, other: DriftCounts) -> None:
        """Add another part of the same table."""
        for mine, theirs in zip(self.columns, other.columns, strict=True):
            mine += theirs
        self.intervals += other.intervals
        self.scores.add(other.scores)
        for name, codes in other.refused.items():
            self.refused.setdefault(name, Counter()).update(codes)


class DriftCounter:
    """Counts encoded rows and their scores; safe to share between threads.

    Parameters
    ----------
    contract : Contract
        With vocabularies.
    profile : TrainingProfile
        Gives the intervals.
    threshold : float
        A customer whose score is at least this is predicted to leave.
    """

    def __init__(self, contract: Contract, profile: TrainingProfile, threshold: float) -> None:
        self._features = contract.features
        self._profile = profile
        self._threshold = threshold
        self._score_edges = np.array(profile.scores.edges, dtype=np.float64)

    def empty_counts(self) -> DriftCounts:
        """Return counts of no rows, to add others to."""
        lengths = [len(column.counts) for column in self._profile.columns]
        return DriftCounts(
            columns=[np.zeros(length, dtype=np.int64) for length in lengths],
            intervals=np.zeros(len(self._profile.scores.counts), dtype=np.int64),
        )

    def count(self, columns: npt.NDArray[np.float32], probability: npt.NDArray[np.float64]) -> DriftCounts:
        """Count scored rows.

        Parameters
        ----------
        columns : ndarray of float32, shape (features, rows)
            The transposed encoded matrix without rejected rows.
        probability : ndarray of float64, shape (rows,)
            Their scores, rounded to six decimals.
        """
        return DriftCounts(
            columns=[
                count_codes(values, len(column.counts))
                if isinstance(feature, CategoryFeature)
                else count_numbers(values, column)
                for values, feature, column in zip(
                    columns, self._features, self._profile.columns, strict=True
                )
            ],
            intervals=count_intervals(probability, self._score_edges),
            scores=ScoreCounts.count(probability, self._threshold),
        )


def count_codes(values: npt.NDArray[np.float32], codes: int) -> Counts:
    """Count the rows of each code from 0 to `codes` - 1."""
    if codes <= _FEW_CODES:
        counts = [np.count_nonzero(values == code) for code in range(codes)]
        return np.array(counts, dtype=np.int64)
    return np.bincount(values.astype(np.intp), minlength=codes).astype(np.int64, copy=False)


def count_numbers(values: npt.NDArray[np.float32], column: ColumnProfile) -> Counts:
    """Count numbers by the intervals of a profile, in the order of `ColumnProfile.counts`.

    A few comparisons of the whole column are faster than a binary search for each value.
    """
    low, high = (np.float32(np.nan if end is None else end) for end in (column.low, column.high))
    present = int(np.count_nonzero(values == values))
    below = np.count_nonzero(values < low)
    above = np.count_nonzero(values > high)
    inside = count_intervals(values, np.array(column.edges, dtype=np.float32), present)
    inside[0] -= below
    inside[-1] -= above
    return np.array([below, *inside, above, len(values) - present], dtype=np.int64)
