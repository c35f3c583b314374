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

    Unknown values have an interval of their own only if there are more of them than expected. Fewer are no
    drift: a table of customers that the model was trained on has none. Then rare and unknown values are one
    interval in both tables.

    Parameters
    ----------
    before, now : ndarray of float64, shape (codes,)
        Rows by code, as counted in training and now.
    known : int
        Number of codes of known values; they come first, the unknown code next.
    """
    expected = expect_unknown(before, known)
    if now[known] * expected.sum() > expected[known] * now.sum():
        return _fold(expected, now, known, _frequent(expected, known))
    # A value that occurs once in training is as likely unknown in another sample.
    frequent = [code for code in _frequent(before, known) if before[code] != 1]
    return _fold(before, now, known + 1, frequent)


def _frequent(before: Rows, known: int) -> list[int]:
    order = np.argsort(-before[:known], kind="stable") if known > MAX_LEVELS else np.arange(known)
    return [int(code) for code in order[:MAX_LEVELS]]


def _fold(before: Rows, now: Rows, foldable: int, kept: list[int]) -> tuple[Rows, Rows]:
    """Keep some codes; put the others of the first `foldable` codes into one interval."""
    folded = np.setdiff1d(np.arange(foldable), kept)
    first, second = (
        np.concatenate([rows[kept], [rows[folded].sum()] if len(folded) else [], rows[foldable:]])
        for rows in (before, now)
    )
    return first, second
