"""From which score a customer is contacted: chosen on out-of-fold scores, with what is uncertain about it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from churn_core.models.evaluation.metrics import DECIMALS, fold_interval
from churn_core.models.evaluation.ranking import Ranking, best_stop, curve, f1, measure, nearness, profit
from churn_core.scoring.scores import round_probability

if TYPE_CHECKING:
    import numpy.typing as npt

    from churn_core.decision_settings import DecisionSettings
    from churn_core.models.evaluation.ranking import Objective, Point, Stops
    from churn_core.scoring.money import Money

    Labels = npt.NDArray[np.int64]
    Probabilities = npt.NDArray[np.float64]
    Intervals = dict[str, dict[str, float]]

Method = Literal["f1", "money", "share", "fixed"]
Basis = Literal["break_even", "observed_best", "configuration"]

RESAMPLES: Final = 200
"""Bootstrap samples of the customers: enough for the ends of a 95 % interval to two digits."""

_CLEARLY: Final = 0.95
_MIDDLE: Final = (0.025, 0.975)


@dataclass(frozen=True, slots=True)
class Best:
    """The threshold that would have been best on a set of scored customers.

    Attributes
    ----------
    threshold : float
    low, high : float
        The middle 95 % of the best thresholds of bootstrap samples of the customers. A curve that is flat
        around its top has its best place now here, now there, at hardly any change of what it brings: the
        interval says which thresholds the data can't tell apart, no more (the best place converges with
        the cube root of the customers, for which the bootstrap is a rough guide only; Abrevaya and Huang
        2005, "On the Bootstrap of the Maximum Score Estimator", Econometrica 73).
    point : dict
        What it would have brought, as `churn_core.models.evaluation.ranking.measure` says it.
    """

    threshold: float
    low: float
    high: float
    point: Point

    def covers(self, threshold: float) -> bool:
        """Tell whether the data can't tell a threshold from the best one."""
        return self.low <= threshold <= self.high

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {"threshold": self.threshold, "low": self.low, "high": self.high, "point": self.point}


@dataclass(frozen=True, slots=True)
class Decision:
    """A threshold, how it was chosen, and what it is expected to bring.

    Attributes
    ----------
    threshold : float
        A customer is contacted from this score on; above 1 where contacting nobody is best.
    method : {"f1", "money", "share", "fixed"}
    basis : {"break_even", "observed_best", "configuration"}
        What the threshold is: where a contact begins to pay, the best on out-of-fold scores, or a given
        one.
    money : Money or None
        What contacting a customer costs and brings.
    share : float or None
        The share of customers to contact, where the method is ``share``.
    expected : dict
        What contacting from the threshold on brings, as
        `churn_core.models.evaluation.ranking.measure` says it, each with ``mean``, ``low`` and ``high``
        (95 %, as `churn_core.models.evaluation.metrics.fold_interval`).
    observed_best : Best
        On the out-of-fold scores.
    curve : tuple of dict
        What other thresholds bring, from the highest to the lowest.
    """

    threshold: float
    method: Method
    basis: Basis
    money: Money | None
    share: float | None
    expected: Intervals
    observed_best: Best
    curve: tuple[Point, ...]

    @property
    def may_move(self) -> bool:
        """Whether a few millionths up or down are as good: nobody has asked for this very threshold."""
        return self.method != "fixed"

    def moved_to(self, threshold: float) -> Decision:
        """Return the decision at a threshold some millionths away; its measures stay as they are."""
        return replace(self, threshold=threshold)

    def to_dict(self) -> dict[str, Any]:
        """Return the decision as manifest.json and metrics.json have it."""
        return {
            "threshold": self.threshold,
            "method": self.method,
            "basis": self.basis,
            "money": self.money and self.money.to_dict(),
            "break_even": self.money and round(self.money.break_even, DECIMALS),
            "share": self.share,
            "expected": self.expected,
            "observed_best": self.observed_best.to_dict(),
            "curve": list(self.curve),
        }


def choose_threshold(
    settings: DecisionSettings,
    labels: Labels,
    probabilities: Probabilities,
    fold: npt.NDArray[np.int64],
    seed: int,
) -> Decision:
    """Choose from which score a customer is contacted.

    ``f1`` takes the threshold with the highest F1, ``share`` the one whose share of contacted customers
    is nearest, a probability stands as it is. ``money`` takes the break-even probability, unless that
    lies outside the interval of the thresholds that earned most out of fold, in which case the
    probabilities can't be taken at their word and the one that earned most is taken. The break-even is
    best for calibrated probabilities and has no luck in it; the highest point of a curve that is flat and
    noisy at the top has. Measured by the profit on 100,000 fresh sample customers, as the loss against the
    best threshold possible, in thousandths of a kept customer's value a customer, mean over trainings on
    600 to 16,000 and over break-evens from 0.05 to 0.7:

    ======================================  ==========  ========  =========
    model                                   break-even  observed  this rule
    ======================================  ==========  ========  =========
    logistic regression                           0.22      0.45       0.23
    random forest                                 1.54      0.92       0.87
    boosting, overfitted, not calibrated          5.40      0.69       0.87
    ======================================  ==========  ========  =========

    Parameters
    ----------
    settings : DecisionSettings
    labels : ndarray of int64, shape (customers,)
        1 for a customer who left; both must occur.
    probabilities : ndarray of float64, shape (repeats, customers)
        Each by a model that had not seen the customer.
    fold : ndarray of int64, shape (repeats, customers)
        The fold in which the customer was held out.
    seed : int
        Of the bootstrap samples.
    """
    scores = round_probability(probabilities)
    ranking = Ranking(labels, scores)
    method: Method = settings.threshold if isinstance(settings.threshold, str) else "fixed"
    best = find_best(ranking, _objective(method, settings.money, settings.share), settings.money, seed)
    stops = ranking.stops()
    threshold, basis = _settle(settings, best, stops)
    return Decision(
        threshold,
        method,
        basis,
        settings.money,
        settings.share if method == "share" else None,
        _over_folds(labels, scores >= threshold, fold, settings.money),
        best,
        curve(stops, settings.money, threshold),
    )


def _settle(settings: DecisionSettings, best: Best, stops: Stops) -> tuple[float, Basis]:
    if not isinstance(settings.threshold, str):
        return settings.threshold, "configuration"
    if settings.threshold == "money" and settings.money is not None:
        break_even = settings.money.break_even_threshold
        there = stops.measures(stops.at(break_even), settings.money)
        # Where an offer is free, contacting everybody earns as much as any threshold: there is no other.
        if best.covers(break_even) or there["profit_per_1000"] >= best.point["profit_per_1000"]:
            return break_even, "break_even"
    return best.threshold, "observed_best"


def find_best(ranking: Ranking, objective: Objective, money: Money | None, seed: int) -> Best:
    """Find the best threshold and, by bootstrap samples of the customers, how sure it is."""
    stops = ranking.stops()
    stop = best_stop(stops, objective)
    found = [stops.thresholds[best_stop(sample, objective)] for sample in ranking.resamples(RESAMPLES, seed)]
    # Thresholds that were found, and no point between two of them: one may stand for nobody.
    low, high = np.quantile(found, _MIDDLE, method="nearest")
    return Best(float(stops.thresholds[stop]), float(low), float(high), stops.measures(stop, money))


def _objective(method: Method, money: Money | None, share: float | None) -> Objective:
    if method == "share" and share is not None:
        return nearness(share)
    return f1 if method == "f1" or money is None else profit(money)


def _over_folds(
    labels: Labels, contacted: npt.NDArray[np.bool_], fold: npt.NDArray[np.int64], money: Money | None
) -> Intervals:
    folds = int(fold.max()) + 1
    points = [
        measure(
            int(chosen[held_out].sum()),
            int(labels[held_out & chosen].sum()),
            int(held_out.sum()),
            int(labels[held_out].sum()),
            money,
        )
        for chosen, membership in zip(contacted, fold, strict=True)
        for held_out in (membership == number for number in range(folds))
    ]
    return {
        name: fold_interval(np.array([point[name] for point in points]), 1 / (folds - 1))
        for name in points[0]
    }


@dataclass(frozen=True, slots=True)
class Review:
    """How a threshold does on customers whose labels came later.

    Attributes
    ----------
    realised : dict
        What contacting from the threshold on has brought, each measure with ``mean``, ``low`` and
        ``high`` (the middle 95 % over bootstrap samples of the customers).
    best : Best
        The threshold that was best for these customers.
    still_good : bool
        Whether another threshold would not clearly have done better: chosen on bootstrap samples of these
        customers, and measured on those whom the sample left out, it is ahead in fewer than 95 % of them.
    curve : tuple of dict
    """

    realised: Intervals
    best: Best
    still_good: bool
    curve: tuple[Point, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the review as JSON has it."""
        return {
            "realised": self.realised,
            "best": self.best.to_dict(),
            "still_good": self.still_good,
            "curve": list(self.curve),
        }


def review_threshold(
    threshold: float,
    method: Method,
    money: Money | None,
    share: float | None,
    labels: Labels,
    scores: Probabilities,
    seed: int,
) -> Review:
    """Hold a threshold against labelled customers.

    Parameters
    ----------
    threshold : float
    method : {"f1", "money", "share", "fixed"}
        How it was chosen, and so what the best one is measured by; a fixed one by money if there is any.
    money : Money or None
    share : float or None
    labels : ndarray of int64, shape (customers,)
    scores : ndarray of float64, shape (customers,)
        In six decimals.
    seed : int
        Of the bootstrap samples.
    """
    ranking = Ranking(labels, scores[None, :])
    stops = ranking.stops()
    here = stops.at(threshold)
    samples = [sample.measures(here, money) for sample in ranking.resamples(RESAMPLES, seed)]
    realised = {}
    for name, value in stops.measures(here, money).items():
        low, high = np.quantile([sample[name] for sample in samples], _MIDDLE)
        realised[name] = {
            "mean": value,
            "low": round(float(low), DECIMALS),
            "high": round(float(high), DECIMALS),
        }
    objective = _objective(method, money, share)
    best = find_best(ranking, objective, money, seed)
    return Review(realised, best, _holds(ranking, here, objective, seed), curve(stops, money, threshold))


def _holds(ranking: Ranking, here: int, objective: Objective, seed: int) -> bool:
    """Tell whether a stop keeps up with those that are chosen on samples and measured outside of them.

    The best stop of a sample is best by luck too; customers whom the sample left out don't share in it.
    """
    ahead = 0
    for inside, outside in ranking.split_samples(RESAMPLES, seed):
        values = objective(outside)
        ahead += bool(values[best_stop(inside, objective)] > values[here])
    return ahead < _CLEARLY * RESAMPLES
