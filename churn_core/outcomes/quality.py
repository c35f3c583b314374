"""How right the scores of some customers were, once it is known who left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from churn_core.outcomes.intervals import Estimate, auc_interval, mean_interval, share_interval

if TYPE_CHECKING:
    import numpy.typing as npt

    from churn_core.scoring.money import Money

BINS: Final = 10
_SMALLEST: Final = 1e-6
"""Scores are rounded to six decimals; a score of 0 counts as this in the log loss."""


def measure_quality(
    labels: npt.NDArray[np.int64],
    scores: npt.NDArray[np.float64],
    flagged: npt.NDArray[np.bool_],
    money: Money | None = None,
) -> dict[str, Any]:
    """Measure the scores of at least one customer.

    Parameters
    ----------
    labels : ndarray of int64, shape (customers,)
        1 for a customer who left.
    scores : ndarray of float64, shape (customers,)
    flagged : ndarray of bool, shape (customers,)
        Who should have been contacted (``will_churn``).
    money : Money, optional
        Of the bundle.

    Returns
    -------
    dict
        ``customers``, ``left``, ``flagged``; ``churn_rate`` (Wilson), ``log_loss`` (nats), ``brier`` and
        ``roc_auc`` (DeLong; None unless both labels occur), each with ``value``, ``low`` and ``high`` of its
        95 % interval; ``expected_churn_rate`` (the mean score), ``calibration_error`` (mean gap over ten bins
        of equal size), ``lift_top_tenth``, ``precision``, ``recall`` (None where undefined), and ``earned``:
        what contacting the flagged customers earns if the offer keeps `Money.success_rate` of the leavers.
    """
    left, count = int(labels.sum()), len(labels)
    likelihood = np.where(labels == 1, scores, 1 - scores)
    losses = -np.log(np.clip(likelihood, _SMALLEST, 1))
    area = auc_interval(labels, scores)
    caught = int(labels[flagged].sum())
    contacts = int(flagged.sum())
    return {
        "customers": count,
        "left": left,
        "flagged": contacts,
        "churn_rate": share_interval(left, count).rounded(),
        "expected_churn_rate": round(float(scores.mean()), 6),
        "roc_auc": None if area is None else area.rounded(),
        "log_loss": _bounded(mean_interval(losses)).rounded(),
        "brier": _bounded(mean_interval((scores - labels) ** 2)).rounded(),
        "calibration_error": round(_calibration_error(labels, scores), 6),
        "lift_top_tenth": None if not left else round(_lift(labels, scores), 6),
        "precision": None if not contacts else round(caught / contacts, 6),
        "recall": None if not left else round(caught / left, 6),
        "earned": None if money is None else float(money.expected_profit(np.array(float(caught)), contacts)),
    }


def _bounded(estimate: Estimate) -> Estimate:
    return Estimate(estimate.value, max(0.0, estimate.low), min(estimate.high, -float(np.log(_SMALLEST))))


def _calibration_error(labels: npt.NDArray[np.int64], scores: npt.NDArray[np.float64]) -> float:
    order = np.argsort(scores, kind="stable")
    bins = np.array_split(order, min(BINS, len(order)))
    gaps = [abs(float(scores[part].sum()) - float(labels[part].sum())) for part in bins]
    return sum(gaps) / len(labels)


def _lift(labels: npt.NDArray[np.int64], scores: npt.NDArray[np.float64]) -> float:
    top = np.argsort(-scores, kind="stable")[: max(1, len(labels) // 10)]
    return float(labels[top].mean() / labels.mean())
