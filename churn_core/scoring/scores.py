"""Scores of customers, and how they are rounded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from churn_core.errors import ScoringError


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of an encoded matrix.

    Attributes
    ----------
    probability : ndarray of float64, shape (rows,)
        Rounded to six decimals.
    raw_score : ndarray of float32, shape (rows,)
        Log-odds.
    contributions : ndarray of float32, shape (rows, features)
        Each feature's part of the log-odds.
    """

    probability: npt.NDArray[np.float64]
    raw_score: npt.NDArray[np.float32]
    contributions: npt.NDArray[np.float32]


def round_to_millionths(values: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Round to six decimals, half to even; the result holds no negative zero."""
    result: npt.NDArray[np.float64] = np.rint(values.astype(np.float64) * 1e6) / 1e6 + 0.0
    return result


def round_probability(probability: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Round a score as it is shown, stored and compared with thresholds: to six decimals."""
    return round_to_millionths(probability)


def require_probabilities(scores: Scores, rows: npt.NDArray[np.bool_] | None = None) -> None:
    """Check that each probability is a finite number.

    Parameters
    ----------
    scores : Scores
    rows : ndarray of bool, shape (rows,), or None
        The rows to check; by default all.

    Raises
    ------
    ScoringError
        If a probability is not finite.
    """
    finite = np.isfinite(scores.probability)
    if not (finite if rows is None else finite | ~rows).all():
        raise ScoringError("The model gave a probability that is not a number; train the model again.")
