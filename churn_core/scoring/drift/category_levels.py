"""Prepare categories with many values for comparison: expected new values, and grouped rare values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Rows = npt.NDArray[np.float64]

MAX_LEVELS: Final = 30
"""Values of a category that are compared one by one: the most frequent in training. The rest is one group."""


def expect_unknown(before: Rows, known: int) -> Rows:
    """Move training rows to the unknown code, as many as new rows are expected to have there.

    The expected share of new rows with a value unseen in training is the share of training rows whose
    value occurs once (Good 1953, "The population frequencies of species"). Each known value gives up the
    same number of rows (absolute discounting: Ney, Essen and Kneser 1994).

    Parameters
    ----------
    before : ndarray of float64, shape (codes,)
        Training rows by code.
    known : int
        Number of codes of known values; they come first, the unknown code next.
    """
    once = np.count_nonzero(before[:known] == 1)
    expected = before.copy()
    expected[:known] = np.maximum(0.0, expected[:known] - once / max(1, known))
    expected[known] += once
    return expected


def fold_levels(before: Rows, now: Rows, known: int) -> tuple[Rows, Rows]:
    """Put all but the `MAX_LEVELS` most frequent known values of a category into one interval.

    The PSI over thousands of rare values is noise. Frequencies are those of the training rows; ties are
    broken by code.

    Parameters
    ----------
    before, now : ndarray of float64, shape (codes,)
        Rows by code.
    known : int
        Number of codes of known values; they come first.
    """
    if known <= MAX_LEVELS:
        return before, now
    order = np.argsort(-before[:known], kind="stable")
    kept, folded = order[:MAX_LEVELS], order[MAX_LEVELS:]
    first, second = (
        np.concatenate([rows[kept], [rows[folded].sum()], rows[known:]]) for rows in (before, now)
    )
    return first, second
