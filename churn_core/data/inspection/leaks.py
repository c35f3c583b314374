"""Leaks: columns that predict the target better than columns known in advance can.

Each column alone predicts the target, out of fold. The prediction is the share of leavers among the rows
of the other folds that have the same value or, for a number, lie in the same interval. A column is
suspicious only if the lower confidence bound of its area under the ROC curve exceeds what columns known in
advance reach. The bound assumes the largest variance that an area can have (Birnbaum and Klose 1957), in
Wilson's form (Wilson 1927). So small tables cause no false alarms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    import numpy.typing as npt

    from churn_core.data.inspection.column import Column

    Codes = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]

SUSPICIOUS_AREA: Final = 0.9
"""A single column known in advance does not reach this area."""

CERTAIN_AREA: Final = 0.98
"""A column beyond this area is a copy of the target."""

SUSPICIOUS_GAP_AREA: Final = 0.75
"""The same limit for whether a value is missing, which rarely predicts churn."""

CERTAIN_SHARE: Final = 0.95
CERTAIN_PART: Final = 0.1
"""A value is suspicious if these shares of its rows left and of all leavers have it."""

ORDER_AREA: Final = 0.52

MOST_ROWS: Final = 200_000
"""Larger tables are sampled to this many rows; more would not change the result."""

_BINS: Final = 50
_FOLDS: Final = 5
_PRIOR_ROWS: Final = 10.0
_USUAL, _STRICT = 1.96, 3.5

LeakRule = Literal["target_copy", "gives_target_away", "missing_gives_target_away", "value_gives_target_away"]


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
    bins, known = _bins(column)[labelled], labels[labelled]
    if _rarer_count(known) < 2:
        return None
    bound = lower_bound(out_of_fold_area(bins, known), _rarer_count(known))
    gaps = (bins > 0).astype(np.int64)
    if bound >= CERTAIN_AREA:
        return Leak("target_copy", len(known))
    # Present or missing values may go with leaving. Two shares can't overfit, so no folds are needed.
    gap_area = area(gaps.astype(np.float64), known)
    if lower_bound(max(gap_area, 1 - gap_area), _rarer_count(known)) >= SUSPICIOUS_GAP_AREA:
        return Leak("missing_gives_target_away", int((gaps == 0).sum()))
    if bound >= SUSPICIOUS_AREA:
        return Leak("gives_target_away", len(known))
    if len(np.unique(gaps)) == 2 and (rows := _certain_rows(gaps, known)):
        return Leak("missing_gives_target_away", rows)
    # Intervals of a number hold too few rows for this rule; `SUSPICIOUS_AREA` covers numbers.
    if column.numbers is None and (rows := _certain_rows(bins, known)):
        return Leak("value_gives_target_away", rows)
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
    bins = _quantile_bins(order[labelled], 20)
    return lower_bound(out_of_fold_area(bins, known), _rarer_count(known), deviations=_STRICT) > ORDER_AREA


def out_of_fold_area(bins: Codes, labels: Codes) -> float:
    """Return the area under the ROC curve of the share of leavers by bin, out of fold."""
    fold = np.empty(len(labels), dtype=np.int64)
    draw = np.random.default_rng(0)
    for label in (0, 1):
        rows = draw.permutation(np.flatnonzero(labels == label))
        fold[rows] = np.arange(len(rows)) % _FOLDS
    cells = int(bins.max()) + 1
    place = fold * cells + bins
    count = np.bincount(place, minlength=_FOLDS * cells).reshape(_FOLDS, cells)
    left = np.bincount(place, weights=labels, minlength=_FOLDS * cells).reshape(_FOLDS, cells)
    others, others_left = count.sum(axis=0) - count, left.sum(axis=0) - left
    shares = (others_left + _PRIOR_ROWS * labels.mean()) / (others + _PRIOR_ROWS)
    return area(shares[fold, bins], labels)


def area(scores: Floats, labels: Codes) -> float:
    """Return the area under the ROC curve."""
    positive = int(labels.sum())
    negative = len(labels) - positive
    ranks = float(pd.Series(scores).rank().to_numpy()[labels == 1].sum())
    return (ranks - positive * (positive + 1) / 2) / (positive * negative)


def lower_bound(share: float, count: int, deviations: float = _USUAL) -> float:
    """Return Wilson's lower confidence bound of a share of `count` trials."""
    square = deviations**2
    centre = share + square / (2 * count)
    spread = deviations * np.sqrt(share * (1 - share) / count + square / (4 * count**2))
    return float((centre - spread) / (1 + square / count))


def drawn_rows(rows: int) -> Codes:
    """Return the rows of a table to look at, in order."""
    if rows <= MOST_ROWS:
        return np.arange(rows)
    return np.sort(np.random.default_rng(0).choice(rows, MOST_ROWS, replace=False))


def _bins(column: Column) -> Codes:
    """Number a column's values, or intervals of its numbers, from 1; 0 is missing."""
    if column.numbers is None or column.distinct <= _BINS:
        return column.codes + 1
    return _quantile_bins(column.numbers, _BINS)


def _quantile_bins(values: Floats, count: int) -> Codes:
    edges = np.unique(np.nanquantile(values, np.arange(1, count) / count, method="lower"))
    bins = 1 + np.searchsorted(edges, values, side="right").astype(np.int64)
    bins[np.isnan(values)] = 0
    return bins


def _certain_rows(bins: Codes, labels: Codes) -> int:
    """Count the rows with values that mean leaving almost surely and that many leavers have."""
    count = np.bincount(bins)
    left = np.bincount(bins, weights=labels)
    certain = [
        position
        for position in np.flatnonzero(left >= CERTAIN_PART * labels.sum())
        if lower_bound(left[position] / count[position], int(count[position])) >= CERTAIN_SHARE
    ]
    return int(count[certain].sum()) if labels.mean() < CERTAIN_SHARE / 2 else 0


def _rarer_count(labels: Codes) -> int:
    return int(min(labels.sum(), len(labels) - labels.sum()))
