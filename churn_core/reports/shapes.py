"""How a feature's values move the score: its contributions, summed up by value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from churn_core.schema import CategoryFeature

if TYPE_CHECKING:
    import numpy.typing as npt

    from churn_core.schema import Feature

INTERVALS: Final = 20
"""Intervals into which a number is cut, each of about as many customers."""

SMALLEST_GROUP: Final = 10
"""Values of fewer customers are not told apart: a report is passed around, and they might name somebody."""

SPREAD: Final = (0.1, 0.9)
"""Quantiles between which most contributions of one value lie; they differ where columns interact."""


@dataclass(frozen=True, slots=True)
class ValueEffect:
    """What one value, or one interval of values, contributes.

    Attributes
    ----------
    label : str
        The category's value; the interval's mean for a number.
    position : float
        The interval's mean; NaN for a category and for missing values.
    share : float
        Share of the customers.
    mean, low, high : float
        Contribution in log-odds: mean, and the quantiles of `SPREAD`.
    """

    label: str
    position: float
    share: float
    mean: float
    low: float
    high: float


def value_effects(
    feature: Feature, values: npt.NDArray[np.float32], contributions: npt.NDArray[np.float32]
) -> list[ValueEffect]:
    """Sum a feature's contributions up by its values.

    Parameters
    ----------
    feature : NumberFeature or CategoryFeature
    values : ndarray of float32, shape (rows,)
        The feature's column of the encoded matrix.
    contributions : ndarray of float32, shape (rows,)

    Returns
    -------
    list of ValueEffect
        Values that occur: a number's intervals in rising order, a category's values by what they
        contribute, most first, then the rare ones together; missing values last.
    """
    if isinstance(feature, CategoryFeature):
        codes = values.astype(np.int64)
        rows = np.bincount(codes, minlength=feature.missing_code + 1)
        found = [
            _effect(name, np.nan, contributions[codes == code], len(values))
            for code, name in enumerate(feature.vocabulary)
            if rows[code] >= SMALLEST_GROUP
        ]
        found.sort(key=lambda effect: -effect.mean)
        few = rows[codes] < SMALLEST_GROUP
        few &= codes < feature.unknown_code
        if few.any():
            found.append(_effect("(rare values)", np.nan, contributions[few], len(values)))
        missing = codes == feature.missing_code
    else:
        missing = np.isnan(values)
        present = values[~missing]
        intervals = _intervals(present)
        found = []
        for interval in np.unique(intervals).tolist():
            inside = intervals == interval
            position = float(present[inside].mean(dtype=np.float64))
            of_present = contributions[~missing][inside]
            found.append(_effect(f"{position:.4g}", position, of_present, len(values)))
    if missing.any():
        found.append(_effect("(missing)", np.nan, contributions[missing], len(values)))
    return found


def _intervals(values: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    if not len(values):
        return np.empty(0, dtype=np.int64)
    edges = np.unique(np.quantile(values, np.arange(1, INTERVALS) / INTERVALS))
    return np.searchsorted(edges, values, side="left").astype(np.int64)


def _effect(label: str, position: float, contributions: npt.NDArray[np.float32], rows: int) -> ValueEffect:
    low, high = np.quantile(contributions, SPREAD)
    return ValueEffect(
        label,
        position,
        len(contributions) / rows,
        float(contributions.mean(dtype=np.float64)),
        float(low),
        float(high),
    )
