"""Scored customers in contact order, and the result of stopping at each threshold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from churn_core.models.evaluation.metrics import DECIMALS
from churn_core.scoring.money import NOBODY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

    from churn_core.scoring.money import Money

    Labels = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]
    Point = dict[str, float]
    Objective = Callable[["Stops"], Floats]

CURVE_STEPS: Final = 50
"""A curve has a point for every fiftieth of the customers, and one where nobody is contacted."""

FIRST_SHARES: Final = (0.005, 0.01, 0.03, 0.05)
"""More points below the first tenth, where most campaigns stop."""


@dataclass(frozen=True, slots=True, eq=False)
class Stops:
    """The customers contacted at each threshold, from nobody down to everybody.

    Attributes
    ----------
    thresholds : ndarray of float64, shape (stops,)
        `NOBODY`, then each score that occurs, decreasing.
    contacted, leavers : ndarray of float64, shape (stops,)
        Customers with a score at or above the threshold, and those of them who left.
    """

    thresholds: Floats
    contacted: Floats
    leavers: Floats

    @property
    def customers(self) -> float:
        """The number of customers."""
        return float(self.contacted[-1])

    @property
    def all_leavers(self) -> float:
        """The number of customers who left."""
        return float(self.leavers[-1])

    def at(self, threshold: float) -> int:
        """Return the stop at which everybody with a score of at least `threshold` is contacted."""
        return int(np.searchsorted(-self.thresholds, -threshold, side="right")) - 1

    def measures(self, stop: int, money: Money | None) -> Point:
        """Measure a stop with `measure`."""
        return measure(
            float(self.contacted[stop]), float(self.leavers[stop]), self.customers, self.all_leavers, money
        )


class Ranking:
    """Customers by decreasing score.

    Parameters
    ----------
    labels : ndarray of int64, shape (customers,)
        1 for a customer who left.
    scores : ndarray of float64, shape (repeats, customers)
        Rounded to six decimals; a customer counts once in each repeat.
    """

    def __init__(self, labels: Labels, scores: Floats) -> None:
        flat = scores.ravel()
        order = np.argsort(-flat, kind="stable")
        ranked = flat[order]
        self._customer = order % len(labels)
        self._left = labels[self._customer].astype(np.float64)
        self._ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
        self._thresholds = np.append(NOBODY, ranked[self._ends])
        self._labels = labels

    def stops(self, weights: Floats | None = None) -> Stops:
        """Count customers at each threshold.

        Parameters
        ----------
        weights : ndarray of float64, shape (customers,), optional
            How often each customer occurs; once by default.
        """
        each = np.ones(len(self._left)) if weights is None else weights[self._customer]
        return Stops(
            self._thresholds,
            np.append(0.0, np.cumsum(each)[self._ends]),
            np.append(0.0, np.cumsum(each * self._left)[self._ends]),
        )

    def resamples(self, count: int, seed: int) -> Iterator[Stops]:
        """Yield `count` bootstrap samples of the customers, each customer with all repeats."""
        for drawn in self._draws(count, seed):
            yield self.stops(drawn.astype(np.float64))

    def split_samples(self, count: int, seed: int) -> Iterator[tuple[Stops, Stops]]:
        """Yield the samples of `resamples`, each with the customers outside of it."""
        for drawn in self._draws(count, seed):
            yield self.stops(drawn.astype(np.float64)), self.stops((drawn == 0).astype(np.float64))

    def _draws(self, count: int, seed: int) -> Iterator[npt.NDArray[np.int64]]:
        """Yield how often each customer is drawn in each sample."""
        generator = np.random.default_rng(seed)
        size = len(self._labels)
        for _ in range(count):
            yield np.bincount(generator.integers(0, size, size), minlength=size)


def profit(money: Money) -> Objective:
    """Return the objective of the highest profit."""
    return lambda stops: (
        stops.leavers * (money.success_rate * money.value_of_customer) - stops.contacted * money.cost_of_offer
    )


def f1(stops: Stops) -> Floats:
    """Return F1 at each stop: the objective that balances false alarms and missed leavers."""
    return 2 * stops.leavers / np.maximum(stops.contacted + stops.all_leavers, 1)


def nearness(share: float) -> Objective:
    """Return the objective of contacting a share of the customers, at least one of them."""
    return lambda stops: np.where(
        stops.contacted > 0, -np.abs(stops.contacted - share * stops.customers), -np.inf
    )


def best_stop(stops: Stops, objective: Objective) -> int:
    """Return the stop with the highest value; on a tie, the one that contacts fewest."""
    return int(np.argmax(objective(stops)))


def measure(
    contacted: float, leavers: float, customers: float, all_leavers: float, money: Money | None
) -> Point:
    """Measure the result of contacting some customers.

    Parameters
    ----------
    contacted, leavers : float
        Number of customers contacted, and number of those who left.
    customers, all_leavers : float
        Number of all customers, and number of those who left.
    money : Money or None

    Returns
    -------
    dict
        ``contacted_per_1000`` customers, ``precision`` (share of leavers among those contacted, 0 if nobody
        is), ``recall`` and ``f1``. With money also ``profit_per_customer`` and ``profit_per_1000``
        customers, contacted or not.
    """
    point = {
        "contacted_per_1000": 1000 * contacted / customers,
        "precision": leavers / max(contacted, 1),
        "recall": leavers / max(all_leavers, 1),
        "f1": 2 * leavers / max(contacted + all_leavers, 1),
    }
    if money is not None:
        earned = leavers * (money.success_rate * money.value_of_customer) - contacted * money.cost_of_offer
        point |= {
            "profit_per_customer": earned / customers,
            "profit_per_1000": 1000 * earned / customers,
        }
    return {name: round(value, DECIMALS) for name, value in point.items()}


def curve(stops: Stops, money: Money | None, threshold: float) -> tuple[Point, ...]:
    """Measure stops from nobody to everybody, including the one at `threshold`.

    Returns
    -------
    tuple of dict
        ``threshold`` and the measures of `measure`, from the highest threshold to the lowest. Fewer points
        than usual if many customers share a score.
    """
    shares = np.array([*FIRST_SHARES, *(np.arange(1, CURVE_STEPS + 1) / CURVE_STEPS)])
    wanted = np.searchsorted(stops.contacted, shares * stops.customers, side="left")
    chosen = {0, len(stops.thresholds) - 1, stops.at(threshold), *wanted.tolist()}
    return tuple(
        {"threshold": float(stops.thresholds[stop])} | stops.measures(stop, money)
        for stop in sorted(stop for stop in chosen if stop < len(stops.thresholds))
    )
