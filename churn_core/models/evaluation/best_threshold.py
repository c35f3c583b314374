"""The best threshold on a set of scored customers, and how certain it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from churn_core.models.evaluation.ranking import best_stop, f1, nearness, profit

if TYPE_CHECKING:
    from churn_core.models.evaluation.ranking import Objective, Point, Ranking
    from churn_core.scoring.money import Money

Method = Literal["f1", "money", "share", "fixed"]

RESAMPLES: Final = 200
"""Bootstrap samples of the customers: enough for the ends of a 95 % interval to two digits."""

MIDDLE: Final = (0.025, 0.975)
"""The quantiles between which 95 % of the bootstrap samples lie."""


@dataclass(frozen=True, slots=True)
class Best:
    """The best threshold on a set of scored customers.

    Attributes
    ----------
    threshold : float
    low, high : float
        The middle 95 % of the best thresholds of bootstrap samples of the customers: the thresholds that
        the data can't distinguish from the best. Where the curve is flat around its maximum, the interval
        is wide although the result hardly changes. It is a rough guide only: the position of the maximum
        converges with the cube root of the number of customers (Abrevaya and Huang 2005, "On the Bootstrap
        of the Maximum Score Estimator", Econometrica 73).
    point : dict
        Its result, from `churn_core.models.evaluation.ranking.measure`.
    """

    threshold: float
    low: float
    high: float
    point: Point

    def covers(self, threshold: float) -> bool:
        """Return whether the data can't distinguish a threshold from the best one."""
        return self.low <= threshold <= self.high


def find_best(ranking: Ranking, objective: Objective, money: Money | None, seed: int) -> Best:
    """Find the best threshold and its interval over bootstrap samples of the customers."""
    stops = ranking.stops()
    stop = best_stop(stops, objective)
    found = [stops.thresholds[best_stop(sample, objective)] for sample in ranking.resamples(RESAMPLES, seed)]
    # "nearest" returns thresholds that were found: no value lies between the last score and "nobody".
    low, high = np.quantile(found, MIDDLE, method="nearest")
    return Best(float(stops.thresholds[stop]), float(low), float(high), stops.measures(stop, money))


def objective_of(method: Method, money: Money | None, share: float | None) -> Objective:
    """Return the objective of a method; ``fixed`` is measured by money, or by F1 without money values."""
    if method == "share" and share is not None:
        return nearness(share)
    return f1 if method == "f1" or money is None else profit(money)
