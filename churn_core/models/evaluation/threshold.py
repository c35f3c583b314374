"""Choose the score from which customers are contacted, on out-of-fold scores."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from churn_core.models.evaluation.best_threshold import Best, Method, find_best, objective_of
from churn_core.models.evaluation.metrics import DECIMALS, fold_interval
from churn_core.models.evaluation.ranking import Ranking, curve, measure
from churn_core.scoring.money import LOWEST
from churn_core.scoring.scores import round_probability

if TYPE_CHECKING:
    import numpy.typing as npt

    from churn_core.decision_settings import DecisionSettings
    from churn_core.models.evaluation.ranking import Point, Stops
    from churn_core.scoring.money import Money

    Labels = npt.NDArray[np.int64]
    Intervals = dict[str, dict[str, float]]

Basis = Literal["break_even", "observed_best", "configuration"]


@dataclass(frozen=True, slots=True)
class Decision:
    """A threshold, how it was chosen, and its expected result.

    Attributes
    ----------
    threshold : float
        A customer is contacted from this score on; above 1 where contacting nobody is best.
    method : {"f1", "money", "share", "fixed"}
    basis : {"break_even", "observed_best", "configuration"}
        The threshold's origin: where a contact begins to pay, the best on out-of-fold scores, or the
        configuration.
    money : Money or None
        Cost and value of contacting a customer.
    share : float or None
        The share of customers to contact, for the method ``share``.
    expected : dict
        The result of contacting from the threshold on: the measures of
        `churn_core.models.evaluation.ranking.measure`, each with ``mean``, ``low`` and ``high`` (95 %, from
        `churn_core.models.evaluation.metrics.fold_interval`).
    observed_best : Best
        On the out-of-fold scores.
    curve : tuple of dict
        The results of other thresholds, from the highest to the lowest.
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
        """Whether the threshold may change by some millionths: the configuration does not fix it."""
        return self.method != "fixed"

    def to_dict(self) -> dict[str, Any]:
        """Return the decision in the form of manifest.json and metrics.json."""
        return {
            "threshold": self.threshold,
            "method": self.method,
            "basis": self.basis,
            "money": self.money and self.money.to_dict(),
            "break_even": self.money and round(self.money.break_even, DECIMALS),
            "share": self.share,
            "expected": self.expected,
            "observed_best": asdict(self.observed_best),
            "curve": list(self.curve),
        }


def choose_threshold(
    settings: DecisionSettings,
    labels: Labels,
    probabilities: npt.NDArray[np.float64],
    fold: npt.NDArray[np.int64],
    seed: int,
) -> Decision:
    """Choose the score from which customers are contacted.

    ``f1`` takes the threshold with the highest F1. ``share`` takes the threshold whose share of contacted
    customers is nearest. A configured probability is taken unchanged. ``money`` takes the break-even
    probability if it lies in the interval of the thresholds that earned most out of fold; otherwise the
    probabilities are not reliable, and the threshold that earned most is taken.

    For calibrated probabilities the break-even is best and does not depend on luck; the maximum of a flat,
    noisy curve does. The table gives the loss against the best possible threshold on 100,000 new sample
    customers, per customer and in thousandths of a kept customer's value. It is the mean over trainings on
    600 to 16,000 customers and break-evens from 0.05 to 0.7:

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
        Each by a model that was not trained on the customer.
    fold : ndarray of int64, shape (repeats, customers)
        The fold in which the customer was held out.
    seed : int
        Of the bootstrap samples.
    """
    scores = round_probability(probabilities)
    ranking = Ranking(labels, scores)
    method: Method = settings.threshold if isinstance(settings.threshold, str) else "fixed"
    objective = objective_of(method, settings.money, settings.share)
    best = find_best(ranking, objective, settings.money, seed)
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
        # If an offer is free, the interval may miss a break-even that earns just as much as the best.
        if best.covers(break_even) or there["profit_per_1000"] >= best.point["profit_per_1000"]:
            return break_even, "break_even"
    # The lowest score that occurs may be 0.
    return max(best.threshold, LOWEST), "observed_best"


def _over_folds(
    labels: Labels, contacted: npt.NDArray[np.bool_], fold: npt.NDArray[np.int64], money: Money | None
) -> Intervals:
    """Measure the contacted customers (a mask per repeat) in each fold; return the intervals."""
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
