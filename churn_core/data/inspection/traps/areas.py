"""Areas under the ROC curve of single columns, and the confidence bounds of areas and shares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    import numpy.typing as npt

    Codes = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]

USUAL: Final = 1.96
"""Standard deviations on each side of a 95 % interval."""

FOLDS: Final = 5
_PRIOR_ROWS: Final = 10.0


def out_of_fold_area(bins: Codes, labels: Codes, fold: Codes | None = None) -> float:
    """Return the area under the ROC curve of the share of leavers by bin, out of fold.

    Parameters
    ----------
    bins : ndarray of int64, shape (rows,)
    labels : ndarray of int64, shape (rows,)
        1 for left, 0 for stayed.
    fold : ndarray of int64, shape (rows,), optional
        From `draw_folds`.
    """
    fold = draw_folds(labels) if fold is None else fold
    cells = int(bins.max()) + 1
    place = fold * cells + bins
    count = np.bincount(place, minlength=FOLDS * cells).reshape(FOLDS, cells)
    left = np.bincount(place, weights=labels, minlength=FOLDS * cells).reshape(FOLDS, cells)
    others, others_left = count.sum(axis=0) - count, left.sum(axis=0) - left
    shares = (others_left + _PRIOR_ROWS * labels.mean()) / (others + _PRIOR_ROWS)
    # Rows of a cell have one score, so whole cells are ranked.
    place = np.unique(shares, return_inverse=True)[1].ravel()
    positive = np.bincount(place, weights=left.ravel())
    negative = np.bincount(place, weights=(count - left).ravel())
    below = np.cumsum(negative) - negative / 2
    return float((positive * below).sum() / (positive.sum() * negative.sum()))


def draw_folds(labels: Codes) -> Codes:
    """Assign rows to folds at random, each label evenly; equal labels give equal folds."""
    fold = np.empty(len(labels), dtype=np.int64)
    draw = np.random.default_rng(0)
    for label in (0, 1):
        rows = draw.permutation(np.flatnonzero(labels == label))
        fold[rows] = np.arange(len(rows)) % FOLDS
    return fold


def area(scores: Floats, labels: Codes) -> float:
    """Return the area under the ROC curve."""
    positive = int(labels.sum())
    negative = len(labels) - positive
    ranks = float(pd.Series(scores).rank().to_numpy()[labels == 1].sum())
    return (ranks - positive * (positive + 1) / 2) / (positive * negative)


def lower_bound(share: float, count: int, deviations: float = USUAL) -> float:
    """Return Wilson's lower confidence bound of a share of `count` trials."""
    square = deviations**2
    centre = share + square / (2 * count)
    spread = deviations * np.sqrt(share * (1 - share) / count + square / (4 * count**2))
    return float((centre - spread) / (1 + square / count))


def area_interval(found: float, positive: int, negative: int) -> tuple[float, float]:
    """Return the 95 % confidence interval of an area under the ROC curve.

    It holds the areas from which `found` is at most `USUAL` standard errors away. The error is that of Hanley
    and McNeil 1982, "The meaning and use of the area under a receiver operating characteristic curve"; the
    larger one of both labels' roles. The interval never leaves [0, 1], and has a width for an area of 1 too.

    Parameters
    ----------
    found : float
    positive, negative : int
        Rows of each label.
    """
    areas = np.linspace(0, 1, 2_001)
    one, other = areas / (2 - areas), 2 * areas**2 / (1 + areas)
    spreads = [
        areas * (1 - areas) + (first - 1) * (one - areas**2) + (second - 1) * (other - areas**2)
        for first, second in ((positive, negative), (negative, positive))
    ]
    errors = np.sqrt(np.maximum(0, np.maximum(*spreads)) / (positive * negative))
    inside = areas[np.abs(areas - found) <= USUAL * errors + 2.5e-4]
    return float(inside[0]), float(inside[-1])


def quantile_bins(values: Floats, count: int) -> Codes:
    """Number intervals with about equally many rows from 1; 0 is NaN."""
    edges = np.unique(np.nanquantile(values, np.arange(1, count) / count, method="lower"))
    bins = 1 + np.searchsorted(edges, values, side="right").astype(np.int64)
    bins[np.isnan(values)] = 0
    return bins
