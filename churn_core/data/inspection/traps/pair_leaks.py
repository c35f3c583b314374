"""Leaks by two columns together: each looks harmless, and both give the target away.

An example is a last payment that equals the final bill only for customers who left. Two columns predict the
target by their values together and, if both are numbers, by their difference. As for single columns, the
prediction is out of fold, and its lower confidence bound counts.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Final

import numpy as np

from churn_core.data.inspection.traps.areas import area_interval, draw_folds, out_of_fold_area, quantile_bins

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from churn_core.data.inspection.column import Column

    Codes = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]

PAIR_AREA: Final = 0.95
"""Two columns known in advance do not reach this area."""

MORE_THAN_ONE: Final = 0.05
"""Together they must predict better than the better one alone by this much."""

MOST_PAIRS: Final = 3
"""At most this many pairs are named, the most suspicious first."""

MOST_COLUMNS: Final = 60
MOST_ROWS: Final = 20_000
"""Of larger tables, so many columns and rows are looked at: the check takes about two seconds."""

_BINS: Final = 8


def find_pair_leaks(columns: Sequence[Column], labels: Codes) -> list[tuple[str, str]]:
    """Return pairs of columns that together predict the target too well.

    Parameters
    ----------
    columns : sequence of Column
        Features that are no leaks by themselves.
    labels : ndarray of int64, shape (rows,)
        1 for left, 0 for stayed; rows with -1 have no label and are ignored.
    """
    rows = np.flatnonzero(labels >= 0)
    if len(rows) > MOST_ROWS:
        rows = np.sort(np.random.default_rng(0).choice(rows, MOST_ROWS, replace=False))
    known = labels[rows]
    positive = int(known.sum())
    if min(positive, len(known) - positive) < 2:
        return []
    fold = draw_folds(known)
    looked_at = columns[:MOST_COLUMNS]
    bins = [_few_bins(column, rows) for column in looked_at]
    numbers = [None if column.numbers is None else column.numbers[rows] for column in looked_at]
    alone = [out_of_fold_area(codes, known, fold) for codes in bins]
    found = []
    for one, other in combinations(range(len(looked_at)), 2):
        best = out_of_fold_area(bins[one] * (_BINS + 2) + bins[other], known, fold)
        first, second = numbers[one], numbers[other]
        if first is not None and second is not None:
            best = max(best, out_of_fold_area(_difference_bins(first, second), known, fold))
        if best < max(PAIR_AREA, alone[one] + MORE_THAN_ONE, alone[other] + MORE_THAN_ONE):
            continue
        if area_interval(best, positive, len(known) - positive)[0] >= PAIR_AREA:
            found.append((best, looked_at[one].name, looked_at[other].name))
    found.sort(key=lambda pair: -pair[0])
    return [(one, other) for _, one, other in found[:MOST_PAIRS]]


def _few_bins(column: Column, rows: Codes) -> Codes:
    """Number the most frequent values or the intervals of numbers from 1; 0 is missing."""
    if column.numbers is not None and column.distinct > _BINS:
        return quantile_bins(column.numbers[rows], _BINS)
    codes = column.codes[rows]
    counts = np.bincount(codes[codes >= 0], minlength=column.distinct)
    place = np.full(column.distinct + 1, _BINS + 1, dtype=np.int64)
    place[np.argsort(-counts, kind="stable")[:_BINS]] = np.arange(1, min(_BINS, column.distinct) + 1)
    place[-1] = 0
    return place[codes]


def _difference_bins(first: Floats, second: Floats) -> Codes:
    """Number intervals of a difference, with the difference 0 as one of its own; 0 is missing."""
    difference = first - second
    bins = 2 * quantile_bins(difference, _BINS)
    bins[difference == 0] = 1
    # No interval may hold differences of both signs.
    bins[difference > 0] += 2 * _BINS + 2
    return bins
