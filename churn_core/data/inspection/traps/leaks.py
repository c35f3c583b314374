"""Leaks: columns that predict the target better than columns known in advance can.

Each column alone predicts the target, out of fold. The prediction is the share of leavers among the rows
of the other folds that have the same value or, for a number, lie in the same interval. A column is
suspicious only if the lower confidence bound of its area under the ROC curve exceeds what columns known in
advance reach. So small tables cause no false alarms.

A column is a leak too if it has values for leavers and hardly for others, or lacks them so: a date of the
end, a reason, a note of the last call. That is checked in columns that are no features as well, because
people compute features from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from churn_core.data.inspection.traps.areas import (
    area,
    area_interval,
    lower_bound,
    out_of_fold_area,
    quantile_bins,
)

if TYPE_CHECKING:
    import numpy.typing as npt

    from churn_core.data.inspection.column import Column

    Codes = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]

SUSPICIOUS_AREA: Final = 0.9
"""A single column known in advance does not reach this area."""

CERTAIN_AREA: Final = 0.98
"""A column beyond this area is a copy of the target."""

COPY_AREA: Final = 0.995
"""So is a column with this area itself, in a table too small for a bound of `CERTAIN_AREA`."""

SUSPICIOUS_GAP_AREA: Final = 0.75
"""The same limit for whether a value is missing, which rarely predicts churn."""

CERTAIN_SHARE: Final = 0.95
CERTAIN_PART: Final = 0.1
"""A value is suspicious if these shares of its rows left and of all leavers have it."""

CERTAIN_BOUND: Final = 0.85
CERTAIN_VALUE_SHARE: Final = 0.99
"""So is a value of which this share left, with this lower bound."""

GAP_BOUND: Final = 0.75
"""The same bound for whether a value is missing: 12 rows are enough if all of them left."""

ORDER_AREA: Final = 0.52

MOST_ROWS: Final = 200_000
"""Larger tables are sampled to this many rows; more would not change the result."""

_BINS: Final = 50
_STRICT: Final = 3.5

LeakRule = Literal[
    "target_copy",
    "filled_for_leavers",
    "gives_target_away",
    "missing_gives_target_away",
    "value_gives_target_away",
]


@dataclass(frozen=True, slots=True)
class Leak:
    """A suspected leak: its rule, and the number of rows behind it."""

    rule: LeakRule
    rows: int


def find_leak(column: Column, labels: Codes) -> Leak | None:
    """Return how a column leaks the target, or None.

    Parameters
    ----------
    column : Column
    labels : ndarray of int64, shape (rows,)
        1 for left, 0 for stayed; rows with -1 have no label and are ignored.
    """
    labelled = labels >= 0
    bins, known = value_bins(column)[labelled], labels[labelled]
    if _rarer_count(known) < 2:
        return None
    found = max(out_of_fold_area(bins, known), _ordered_area(column, labelled, known))
    bound = _area_bound(found, known)
    if bound >= CERTAIN_AREA or (found >= COPY_AREA and bound >= SUSPICIOUS_AREA):
        return Leak("target_copy", len(known))
    gap = find_gap_leak(column, labels)
    if gap is not None:
        return gap
    if bound >= SUSPICIOUS_AREA:
        return Leak("gives_target_away", len(known))
    # Intervals of a number hold too few rows for this rule; `SUSPICIOUS_AREA` covers numbers.
    if column.numbers is None and (rows := _certain_rows(bins, known, CERTAIN_VALUE_SHARE, CERTAIN_BOUND)):
        return Leak("value_gives_target_away", rows)
    return None


def _ordered_area(column: Column, labelled: npt.NDArray[np.bool_], known: Codes) -> float:
    """Return the area of a number without gaps itself, which needs no folds: only its direction is learnt."""
    if column.numbers is None or np.isnan(column.numbers).any():
        return 0.5
    found = area(column.numbers[labelled], known)
    return max(found, 1 - found)


def find_gap_leak(column: Column, labels: Codes) -> Leak | None:
    """Return how a column leaks the target by whether it has a value, or None.

    Parameters
    ----------
    column : Column
        Of any kind.
    labels : ndarray of int64, shape (rows,)
        As for `find_leak`.
    """
    labelled = labels >= 0
    gaps, known = (column.codes[labelled] >= 0).astype(np.int64), labels[labelled]
    if _rarer_count(known) < 2 or len(np.unique(gaps)) < 2:
        return None
    if rows := _certain_rows(gaps, known, CERTAIN_SHARE, GAP_BOUND):
        return Leak("filled_for_leavers", rows)
    # Two shares can't overfit, so no folds are needed.
    gap_area = area(gaps.astype(np.float64), known)
    if _area_bound(max(gap_area, 1 - gap_area), known) >= SUSPICIOUS_GAP_AREA:
        return Leak("missing_gives_target_away", int((gaps == 0).sum()))
    return None


def order_predicts(order: Floats, labels: Codes) -> bool:
    """Return whether an order that should mean nothing, of rows or ids, predicts the target.

    Parameters
    ----------
    order : ndarray of float64, shape (rows,)
        Positions in the order. It is cut into twenty parts, so any pattern along it counts, not only a trend.
    labels : ndarray of int64, shape (rows,)
    """
    labelled = labels >= 0
    known = labels[labelled]
    if _rarer_count(known) < 2:
        return False
    bins = quantile_bins(order[labelled], 20)
    return lower_bound(out_of_fold_area(bins, known), _rarer_count(known), deviations=_STRICT) > ORDER_AREA


def drawn_rows(rows: int) -> Codes:
    """Return the rows of a table to look at, in order."""
    if rows <= MOST_ROWS:
        return np.arange(rows)
    return np.sort(np.random.default_rng(0).choice(rows, MOST_ROWS, replace=False))


def value_bins(column: Column) -> Codes:
    """Number a column's values, or intervals of its numbers, from 1; 0 is missing."""
    if column.numbers is None or column.distinct <= _BINS:
        return column.codes + 1
    return quantile_bins(column.numbers, _BINS)


def _certain_rows(bins: Codes, labels: Codes, least_share: float, least_bound: float) -> int:
    """Count the rows with values that mean leaving almost surely and that many leavers have."""
    count = np.bincount(bins)
    left = np.bincount(bins, weights=labels)
    certain = []
    for position in np.flatnonzero(left >= CERTAIN_PART * labels.sum()):
        share = left[position] / count[position]
        bound = lower_bound(share, int(count[position]))
        if bound >= CERTAIN_SHARE or (share >= least_share and bound >= least_bound):
            certain.append(position)
    return int(count[certain].sum()) if labels.mean() < CERTAIN_SHARE / 2 else 0


def _area_bound(found: float, labels: Codes) -> float:
    positive = int(labels.sum())
    return area_interval(found, positive, len(labels) - positive)[0]


def _rarer_count(labels: Codes) -> int:
    return int(min(labels.sum(), len(labels) - labels.sum()))
