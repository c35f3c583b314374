"""Scores of many customers, and the one rule by which a probability is rounded."""

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


def round_probability(probability: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Round to the six decimals of every score that is shown, stored or decided on."""
    result: npt.NDArray[np.float64] = np.rint(probability.astype(np.float64) * 1e6) / 1e6
    return result


def require_probabilities(scores: Scores, rows: npt.NDArray[np.bool_] | None = None) -> None:
    """Refuse scores that are no numbers.

    Parameters
    ----------
    scores : Scores
    rows : ndarray of bool, shape (rows,), or None
        Those that count; by default all.

    Raises
    ------
    ScoringError
        If a probability is not finite.
    """
    finite = np.isfinite(scores.probability)
    if not (finite if rows is None else finite | ~rows).all():
        raise ScoringError("The model answered a customer with no number; train the model again.")
