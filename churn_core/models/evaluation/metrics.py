"""Metrics of probabilities and decisions, and their uncertainty over folds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import stats
from sklearn import metrics

if TYPE_CHECKING:
    import numpy.typing as npt

    Labels = npt.NDArray[np.int64]
    Probabilities = npt.NDArray[np.float64]

CALIBRATION_BINS: Final = 10
DECIMALS: Final = 6
"""Metrics are written with six decimals; further ones depend on the order of summation."""

LIMITS: Final = {
    "log_loss": (0.0, np.inf),
    "lift_top_tenth": (0.0, np.inf),
    "roc_auc_difference": (-1.0, 1.0),
    "contacted_per_1000": (0.0, 1_000.0),
    "profit_per_customer": (-np.inf, np.inf),
    "profit_per_1000": (-np.inf, np.inf),
}
"""The smallest and the largest possible value of a measure; of all others, 0 and 1."""

_SMALLEST = 1e-15


def evaluate(labels: Labels, probabilities: Probabilities, threshold: float) -> dict[str, float]:
    """Compute every metric of a set of scored customers.

    Parameters
    ----------
    labels : ndarray of int64, shape (rows,)
        1 for a customer who left, 0 for one who stayed; both must occur.
    probabilities : ndarray of float64, shape (rows,)
        Scores in [0, 1].
    threshold : float
        A customer counts as leaving from this probability on.

    Returns
    -------
    dict
        ``roc_auc``, ``pr_auc`` (average precision), ``log_loss`` (nats), ``brier``, ``ece``,
        ``lift_top_tenth``, ``accuracy``, ``precision``, ``recall``, ``f1``.
    """
    decisions = probabilities >= threshold
    clipped = np.clip(probabilities, _SMALLEST, 1 - _SMALLEST)
    return {
        "roc_auc": float(metrics.roc_auc_score(labels, probabilities)),
        "pr_auc": float(metrics.average_precision_score(labels, probabilities)),
        "log_loss": float(metrics.log_loss(labels, clipped)),
        "brier": float(metrics.brier_score_loss(labels, probabilities)),
        "ece": expected_calibration_error(labels, probabilities),
        "lift_top_tenth": lift_in_top_tenth(labels, probabilities),
        "accuracy": float(metrics.accuracy_score(labels, decisions)),
        "precision": float(metrics.precision_score(labels, decisions, zero_division=0.0)),
        "recall": float(metrics.recall_score(labels, decisions)),
        "f1": float(metrics.f1_score(labels, decisions, zero_division=0.0)),
    }


def row_log_losses(
    labels: Labels, probabilities: Probabilities, smallest: float = _SMALLEST
) -> Probabilities:
    """Return each row's negative log-likelihood in nats; likelihoods below `smallest` count as that."""
    likelihood = np.where(labels == 1, probabilities, 1 - probabilities).astype(np.float64)
    losses: Probabilities = -np.log(np.clip(likelihood, smallest, 1))
    return losses


def expected_calibration_error(labels: Labels, probabilities: Probabilities) -> float:
    """Return the mean gap between score and frequency over ten bins of equal width.

    Each bin is weighted by its number of customers (Guo et al. 2017, "On Calibration of Modern Neural
    Networks").
    """
    bins = np.minimum((probabilities * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)
    scored = np.bincount(bins, weights=probabilities, minlength=CALIBRATION_BINS)
    left = np.bincount(bins, weights=labels, minlength=CALIBRATION_BINS)
    return float(np.abs(scored - left).sum() / len(labels))


def lift_in_top_tenth(labels: Labels, probabilities: Probabilities) -> float:
    """Return the churn rate of the tenth with the highest scores, divided by the average churn rate."""
    count = max(1, len(labels) // 10)
    top = np.argsort(-probabilities, kind="stable")[:count]
    return float(labels[top].mean() / labels.mean())


def fold_interval(
    name: str, values: npt.NDArray[np.float64], test_share: float, *, confidence: float = 0.95
) -> dict[str, float]:
    """Return the mean and confidence interval of a metric over cross-validation folds.

    The plain variance is too small because the folds' training sets overlap. It is multiplied by
    1/J + n_test/n_train (Nadeau and Bengio 2003, "Inference for the Generalization Error", Machine
    Learning 52). The interval is cut at the metric's `LIMITS`: that loses no coverage, because the true
    value lies within them (Casella and Berger 2002, "Statistical Inference", section 9).

    Parameters
    ----------
    name : str
        The metric.
    values : ndarray of float64, shape (folds,)
        The metric in each of the J folds.
    test_share : float
        n_test / n_train of one fold.

    Returns
    -------
    dict
        ``mean``, ``low``, ``high``.
    """
    mean = float(values.mean())
    half = float(stats.t.ppf((1 + confidence) / 2, len(values) - 1)) * corrected_error(values, test_share)
    lowest, highest = LIMITS.get(name, (0.0, 1.0))
    return rounded({"mean": mean, "low": max(lowest, mean - half), "high": min(highest, mean + half)})


def corrected_error(values: npt.NDArray[np.float64], test_share: float) -> float:
    """Return the standard error of a mean over folds, corrected as in `fold_interval`."""
    return float(np.sqrt((1 / len(values) + test_share) * values.var(ddof=1)))


def rounded(values: dict[str, float]) -> dict[str, float]:
    """Round metrics to `DECIMALS`."""
    return {name: round(value, DECIMALS) for name, value in values.items()}
