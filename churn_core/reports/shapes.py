"""The contributions of a feature, summarised by its values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from churn_core.schema import CategoryFeature

if TYPE_CHECKING:
    import numpy.typing as npt

    from churn_core.schema import Feature

INTERVALS: Final = 20
"""A number is cut into so many intervals, with about equally many customers each."""

SMALLEST_GROUP: Final = 10
"""Values of fewer customers are shown together: reports are shared, and a rare value may identify someone."""

SPREAD: Final = (0.1, 0.9)
"""Quantiles that bound the shown range of one value's contributions; they differ where columns interact."""


@dataclass(frozen=True, slots=True)
class ValueEffect:
    """The contribution of one value or one interval of values.

    Attributes
    ----------
    label : str
        The category's value; the interval's mean for a number.
    position : float
        The interval's mean; NaN for a category and for missing values.
    share : float
        Share of the customers.
    mean, low, high : float
        Contribution in log-odds: its mean and the quantiles `SPREAD`.
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
    """Summarise a feature's contributions by its values.

    Parameters
    ----------
    feature : NumberFeature or CategoryFeature
    values : ndarray of float32, shape (rows,)
        The feature's column of the encoded matrix.
    contributions : ndarray of float32, shape (rows,)

    Returns
    -------
    list of ValueEffect
        One per value that occurs. A number's intervals are in increasing order. A category's values are
        sorted by mean contribution, largest first, then come the rare values together. Missing values
        come last.
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
