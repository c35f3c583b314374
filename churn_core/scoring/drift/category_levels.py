"""Categories with many values: which of them can be compared, and how many new ones are to be expected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Rows = npt.NDArray[np.float64]

MAX_LEVELS: Final = 30
"""Values of a category that are compared one by one, the most frequent in training; the rest as one."""


def expect_unknown(before: Rows, known: int) -> Rows:
    """Move to the unknown code the rows that would be there, had the training rows been new ones.

    New rows hold a value never met before as often as the old ones hold a value met once (Good 1953, "The
    population frequencies of species"). These rows are taken in equal parts from all known values, so
    that the rare ones bear it (absolute discounting: Ney, Essen and Kneser 1994).

    Parameters
    ----------
    before : ndarray of float64, shape (codes,)
        Training rows by code.
    known : int
        How many codes stand for known values; they come first, the unknown code next.
    """
    once = np.count_nonzero(before[:known] == 1)
    expected = before.copy()
    expected[:known] = np.maximum(0.0, expected[:known] - once / max(1, known))
    expected[known] += once
    return expected


def fold_levels(before: Rows, now: Rows, known: int) -> tuple[Rows, Rows]:
    """Put all but the most frequent known values of a category into one interval.

    The PSI over thousands of rare values is noise. Which values stay apart depends on the training rows
    alone: the `MAX_LEVELS` most frequent, ties by code.

    Parameters
    ----------
    before, now : ndarray of float64, shape (codes,)
        Rows by code.
    known : int
        How many codes stand for known values; they come first.
    """
    if known <= MAX_LEVELS:
        return before, now
    order = np.argsort(-before[:known], kind="stable")
    kept, folded = order[:MAX_LEVELS], order[MAX_LEVELS:]
    first, second = (
        np.concatenate([rows[kept], [rows[folded].sum()], rows[known:]]) for rows in (before, now)
    )
    return first, second
