"""Rank the pairs of columns by the strength of their interaction."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import expit

if TYPE_CHECKING:
    import numpy.typing as npt

BINS: Final = 8
"""Number of intervals of a column, each with about the same number of rows."""


def rank_pairs(
    X: npt.NDArray[np.float32], labels: npt.NDArray[np.int64], log_odds: npt.NDArray[np.float64]
) -> list[tuple[int, int]]:
    """Order the pairs of columns by the strength of their interaction, strongest first.

    A coarse grid is laid over two columns. In each of its cells, let G be the sum of the residuals of a model
    without interactions, and H the sum of p (1 - p). If the columns do not interact, G has mean 0 and
    variance H, and the sum of G^2 / H over the cells is chi-squared. The score is its distance from the mean
    in standard deviations. The use of residuals on a coarse grid comes from FAST (Lou et al. 2013).

    Parameters
    ----------
    X : ndarray of float32, shape (rows, columns)
        NaN is missing.
    labels : ndarray of int64, shape (rows,)
    log_odds : ndarray of float64, shape (rows,)
        Output of a model without interactions.
    """
    probability = expit(log_odds)
    residual = labels - probability
    variance = probability * (1 - probability)
    cells, counts = zip(*(_cells(column) for column in X.T), strict=True)
    scores = []
    for first, second in combinations(range(X.shape[1]), 2):
        grid = cells[first] * counts[second] + cells[second]
        size = counts[first] * counts[second]
        left = np.bincount(grid, weights=residual, minlength=size)
        spread = np.bincount(grid, weights=variance, minlength=size)
        occupied = spread.reshape(counts[first], counts[second]) > 0
        freedom = (occupied.any(axis=1).sum() - 1) * (occupied.any(axis=0).sum() - 1)
        if freedom < 1:
            continue
        # Adding 1 to the variance keeps nearly empty cells from dominating.
        statistic = float((left**2 / (spread + 1)).sum())
        scores.append((-(statistic - freedom) / np.sqrt(2 * freedom), first, second))
    return [(first, second) for _, first, second in sorted(scores)]


def _cells(column: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.int64], int]:
    """Return each row's cell and the number of cells; missing values have their own cell."""
    missing = np.isnan(column)
    present = column[~missing]
    if not len(present):
        return np.zeros(len(column), dtype=np.int64), 1
    edges = np.unique(np.quantile(present, np.arange(1, BINS) / BINS, method="lower"))
    cells = np.searchsorted(edges, column, side="left").astype(np.int64)
    cells[missing] = len(edges) + 1
    return cells, len(edges) + 2
