"""Compare a threshold with the best one once the customers' labels are known."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from churn_core.models.evaluation.best_threshold import MIDDLE, RESAMPLES, Best, find_best, objective_of
from churn_core.models.evaluation.metrics import rounded
from churn_core.models.evaluation.ranking import Ranking, best_stop, curve

if TYPE_CHECKING:
    import numpy.typing as npt

    from churn_core.models.evaluation.best_threshold import Method
    from churn_core.models.evaluation.ranking import Objective, Point
    from churn_core.scoring.money import Money

_CLEARLY: Final = 0.95


@dataclass(frozen=True, slots=True)
class Review:
    """The performance of a threshold on customers whose labels came later.

    Attributes
    ----------
    realised : dict
        The result of contacting from the threshold on, each measure with ``mean``, ``low`` and ``high`` (the
        middle 95 % over bootstrap samples of the customers).
    best : Best
        The best threshold for these customers.
    still_good : bool
        Whether no other threshold would clearly have been better. Another one is chosen on each bootstrap
        sample and measured on the customers outside of it; it must be ahead in fewer than 95 % of them.
    curve : tuple of dict
    """

    realised: dict[str, dict[str, float]]
    best: Best
    still_good: bool
    curve: tuple[Point, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the review for JSON."""
        return asdict(self) | {"curve": list(self.curve)}


def review_threshold(
    threshold: float,
    method: Method,
    money: Money | None,
    share: float | None,
    labels: npt.NDArray[np.int64],
    scores: npt.NDArray[np.float64],
    seed: int,
) -> Review:
    """Compare a threshold with the best one on labelled customers.

    Parameters
    ----------
    threshold : float
    method : {"f1", "money", "share", "fixed"}
        How it was chosen; this decides what "best" means (see
        `churn_core.models.evaluation.best_threshold.objective_of`).
    money : Money or None
    share : float or None
    labels : ndarray of int64, shape (customers,)
    scores : ndarray of float64, shape (customers,)
        Rounded to six decimals.
    seed : int
        Of the bootstrap samples.
    """
    ranking = Ranking(labels, scores[None, :])
    stops = ranking.stops()
    here = stops.at(threshold)
    samples = [sample.measures(here, money) for sample in ranking.resamples(RESAMPLES, seed)]
    realised = {}
    for name, value in stops.measures(here, money).items():
        low, high = np.quantile([sample[name] for sample in samples], MIDDLE)
        realised[name] = rounded({"mean": value, "low": float(low), "high": float(high)})
    objective = objective_of(method, money, share)
    best = find_best(ranking, objective, money, seed)
    return Review(
        realised, best, _is_still_good(ranking, here, objective, seed), curve(stops, money, threshold)
    )


def _is_still_good(ranking: Ranking, here: int, objective: Objective, seed: int) -> bool:
    """Compare a stop with stops that are chosen on samples and measured on the customers outside of them.

    The best stop of a sample is best partly by luck; the customers outside of the sample remove that luck.
    """
    ahead = 0
    for inside, outside in ranking.split_samples(RESAMPLES, seed):
        values = objective(outside)
        ahead += bool(values[best_stop(inside, objective)] > values[here])
    return ahead < _CLEARLY * RESAMPLES
