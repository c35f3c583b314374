"""The contributions of a feature, summarised by its values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from markupsafe import Markup

from churn_core.schema import CategoryFeature

if TYPE_CHECKING:
    import numpy.typing as npt

    from churn_core.schema import Feature

INTERVALS: Final = 20
"""A number is cut into so many intervals, with about equally many customers each."""

SINGLE_VALUES: Final = 12
"""A number with at most so many values is shown value by value."""

MISSING: Final = "(missing)"

SPARK_WIDTH: Final = 96
SPARK_HEIGHT: Final = 24
SPARK_VALUES: Final = 24

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
    single : bool
        Whether it is one value, not an interval of a number's values.
    """

    label: str
    position: float
    share: float
    mean: float
    low: float
    high: float
    single: bool = True


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
            _effect(shown_value(feature, name), np.nan, contributions[codes == code], len(values))
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
        few_values = len(np.unique(present)) <= SINGLE_VALUES
        intervals = np.unique(present, return_inverse=True)[1] if few_values else _intervals(present)
        found = []
        for interval in np.unique(intervals).tolist():
            inside = intervals == interval
            position = float(present[inside].mean(dtype=np.float64))
            of_present = contributions[~missing][inside]
            found.append(_effect(f"{position:.4g}", position, of_present, len(values), single=few_values))
    if missing.any():
        found.append(_effect(MISSING, np.nan, contributions[missing], len(values)))
    return found


def _intervals(values: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    if not len(values):
        return np.empty(0, dtype=np.int64)
    edges = np.unique(np.quantile(values, np.arange(1, INTERVALS) / INTERVALS))
    return np.searchsorted(edges, values, side="left").astype(np.int64)


def shown_value(feature: CategoryFeature, value: str) -> str:
    """Return a category's value for people: a boolean reads no or yes."""
    return {"true": "yes", "false": "no"}.get(value, value) if feature.values == "boolean" else value


def sparkline(effects: list[ValueEffect]) -> Markup:
    """Draw the shape of a feature's effect: a line for a number, a bar for each single value.

    Parameters
    ----------
    effects : list of ValueEffect
        From `value_effects`; those of missing values are left out.
    """
    shown = [effect for effect in effects if effect.label != MISSING][:SPARK_VALUES]
    means = [effect.mean for effect in shown]
    largest = max(map(abs, means), default=0.0) or 1.0
    step = SPARK_WIDTH / max(1, len(means))
    middle = SPARK_HEIGHT / 2
    heights = [middle - mean / largest * (middle - 1) for mean in means]
    if shown and not all(effect.single for effect in shown):
        points = " ".join(f"{step * (n + 0.5):.1f},{y:.1f}" for n, y in enumerate(heights))
        drawn = Markup(
            '<polyline points="{}" fill="none" stroke="var(--leavers)" stroke-width="1.5"/>'
        ).format(points)
    else:
        drawn = Markup("").join(
            Markup('<rect x="{}" y="{}" width="{}" height="{}" fill="{}"/>').format(
                f"{step * n + 0.5:.1f}",
                f"{min(y, middle):.1f}",
                f"{max(0.5, step - 1):.1f}",
                f"{max(0.5, abs(y - middle)):.1f}",
                "var(--leavers)" if y < middle else "var(--stayers)",
            )
            for n, y in enumerate(heights)
        )
    described = f"from {means[0]:+.2f} to {means[-1]:+.2f}" if means else "no values"
    return Markup(
        '<svg class="spark" viewBox="0 0 {} {}" role="img" aria-label="{}">'
        '<line x1="0" x2="{}" y1="{}" y2="{}" stroke="var(--grid)"/>{}</svg>'
    ).format(SPARK_WIDTH, SPARK_HEIGHT, described, SPARK_WIDTH, middle, middle, drawn)


def _effect(
    label: str,
    position: float,
    contributions: npt.NDArray[np.float32],
    rows: int,
    *,
    single: bool = True,
) -> ValueEffect:
    low, high = np.quantile(contributions, SPREAD)
    return ValueEffect(
        label,
        position,
        len(contributions) / rows,
        float(contributions.mean(dtype=np.float64)),
        float(low),
        float(high),
        single,
    )
