"""Measure how far a distribution moved, and whether that is more than chance.

The measure is the population stability index: PSI = sum of (q - p) ln(q / p) over the intervals, where p
and q are an interval's shares in training and now. Below 0.1 a column is stable; from 0.25 on it has moved
a lot (Siddiqi 2006, "Credit Risk Scorecards"). Half a row is added to every interval of both tables, so
that the PSI is finite for empty intervals (the estimator of Krichevsky and Trofimov 1981).

Small tables have a large PSI by chance. Without drift, PSI / (1/n + 1/m) has about a chi-squared
distribution, with one degree of freedom less than there are intervals (Yurdakul and Naranjo 2020,
"Statistical properties of the population stability index"). A PSI below a high quantile of that
distribution is called stable.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Rows = npt.NDArray[np.float64]

LEVELS: Final = ("stable", "moderate", "major")
MODERATE, MAJOR = 0.1, 0.25

_HALF_A_ROW: Final = 0.5


@dataclass(frozen=True, slots=True)
class Shift:
    """How far a distribution moved.

    Attributes
    ----------
    psi : float
        Population stability index; 0 where there are no rows to compare.
    noise : float or None
        The PSI that chance alone exceeds only rarely; None where there are no rows.
    level : {"stable", "moderate", "major"}
    """

    psi: float
    noise: float | None
    level: str


def shift(before: Rows, now: Rows, false_alarms: float) -> Shift:
    """Measure how far a distribution moved.

    Parameters
    ----------
    before, now : ndarray of float64, shape (intervals,)
        Rows of each interval; intervals that are empty in both are left out.
    false_alarms : float
        Share of comparisons without drift in which the PSI may exceed the noise.
    """
    used = (before + now) > 0
    before, now = before[used], now[used]
    if not before.sum() or not now.sum():
        return Shift(0.0, None, "stable")
    psi = population_stability_index(before, now)
    spread = 1 / before.sum() + 1 / now.sum()
    noise = float(spread * chi_squared_quantile(1 - false_alarms, max(1, len(before) - 1)))
    moved = psi >= MODERATE and psi > noise
    return Shift(psi, noise, LEVELS[moved + (moved and psi >= MAJOR)])


def population_stability_index(before: Rows, now: Rows) -> float:
    """Return the PSI of two tables of counts after adding half a row to each count."""
    shares = [(rows + _HALF_A_ROW) / (rows + _HALF_A_ROW).sum() for rows in (before, now)]
    return float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())


def chi_squared_quantile(probability: float, degrees: int) -> float:
    """Return a quantile of the chi-squared distribution, with an error of at most 5 %.

    The cube root of chi-squared is nearly normal (Wilson and Hilferty 1931, "The distribution of
    chi-square").
    """
    spread = 2 / (9 * degrees)
    return float(degrees * (1 - spread + NormalDist().inv_cdf(probability) * spread**0.5) ** 3)
