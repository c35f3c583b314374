"""Confidence intervals of shares, of their differences, and of the area under the ROC curve."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

QUANTILE: Final = NormalDist().inv_cdf(0.975)
"""Of the normal distribution, for intervals that hold the true value in 95 % of all cases."""


class Estimate(NamedTuple):
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float

    def rounded(self) -> dict[str, float]:
        """Return ``value``, ``low`` and ``high`` with six decimals."""
        return {name: round(value, 6) for name, value in self._asdict().items()}


def share_interval(part: int, whole: int) -> Estimate:
    """Return a share with Wilson's interval.

    Wilson 1927 ("Probable Inference, the Law of Succession, and Statistical Inference", JASA 22); Brown, Cai
    and DasGupta 2001 ("Interval Estimation for a Binomial Proportion", Statistical Science 16) recommend it.
    """
    share = part / whole
    spread = QUANTILE**2 / whole
    centre = (share + spread / 2) / (1 + spread)
    half = QUANTILE / (1 + spread) * math.sqrt(share * (1 - share) / whole + spread / (4 * whole))
    return Estimate(share, max(0.0, centre - half), min(1.0, centre + half))


def difference_interval(part: int, whole: int, other_part: int, other_whole: int) -> Estimate:
    """Return the first share minus the second one.

    Method 10 of Newcombe 1998 ("Interval estimation for the difference between independent proportions",
    Statistics in Medicine 17), which stays right for small groups and shares near 0.
    """
    one, other = share_interval(part, whole), share_interval(other_part, other_whole)
    difference = one.value - other.value
    return Estimate(
        difference,
        difference - math.hypot(one.value - one.low, other.high - other.value),
        difference + math.hypot(one.high - one.value, other.value - other.low),
    )


def ratio_interval(part: int, whole: int, other_part: int, other_whole: int) -> Estimate | None:
    """Return the first share divided by the second one; None if one of the parts is 0.

    Katz, Baptista, Azen and Pike 1978 ("Obtaining Confidence Intervals for the Risk Ratio in Cohort Studies",
    Biometrics 34).
    """
    if not part or not other_part:
        return None
    ratio = (part / whole) / (other_part / other_whole)
    half = QUANTILE * math.sqrt(1 / part - 1 / whole + 1 / other_part - 1 / other_whole)
    return Estimate(ratio, ratio * math.exp(-half), ratio * math.exp(half))


def mean_interval(values: npt.NDArray[np.float64]) -> Estimate:
    """Return the mean of independent values, with the normal interval."""
    mean = float(values.mean())
    half = QUANTILE * float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.inf
    return Estimate(mean, mean - half, mean + half)


def auc_interval(labels: npt.NDArray[np.int64], scores: npt.NDArray[np.float64]) -> Estimate | None:
    """Return the area under the ROC curve; None unless both labels occur.

    The variance is that of DeLong, DeLong and Clarke-Pearson 1988 ("Comparing the Areas under Two or More
    Correlated Receiver Operating Characteristic Curves", Biometrics 44), by the mid-ranks of Sun and Xu 2014
    ("Fast Implementation of DeLong's Algorithm", IEEE Signal Processing Letters 21). The interval is
    taken on the scale of the log-odds, so that it stays between 0 and 1.
    """
    left, stayed = np.sort(scores[labels == 1]), np.sort(scores[labels == 0])
    if not len(left) or not len(stayed):
        return None
    # For each leaver, the share of those who stayed that score lower; equal scores count half.
    below = _share_below(left, stayed)
    above = 1 - _share_below(stayed, left)
    area = float(below.mean())
    if not 0 < area < 1 or len(left) < _FEWEST or len(stayed) < _FEWEST:
        return Estimate(area, 0.0, 1.0)
    error = math.sqrt(float(below.var(ddof=1)) / len(left) + float(above.var(ddof=1)) / len(stayed))
    half, odds = QUANTILE * error / (area * (1 - area)), math.log(area / (1 - area))
    return Estimate(area, 1 / (1 + math.exp(half - odds)), 1 / (1 + math.exp(-half - odds)))


_FEWEST: Final = 2


def _share_below(values: npt.NDArray[np.float64], others: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    lower, up_to = np.searchsorted(others, values, "left"), np.searchsorted(others, values, "right")
    return (lower + up_to) / (2 * len(others))
