"""How good scores probably are on customers whose labels nobody knows yet.

Confidence-based performance estimation: a score of 0.8 says that the customer leaves with probability
0.8, so each customer adds 0.8 of a true and 0.2 of a false positive (or negatives, below the threshold),
and the metrics follow from these sums. Guillory et al. 2021 ("Predicting with Confidence on Unseen
Distributions") gave the idea, NannyML the name; Bialek, Kuberski, Perrakis and Bifet 2024 ("Estimating
Model Performance Under Covariate Shift Without Labels", arXiv:2401.08348) say when it holds: the
customers may change, but equal customers must still leave as often as they did. If that changes (concept
drift), only labels can tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from churn_core.scoring.money import MILLION

if TYPE_CHECKING:
    from churn_core.scoring.drift.score_counts import ScoreCounts

ASSUMPTION: Final = (
    "The scores are still calibrated: customers with equal columns leave as often as they did in training."
)


@dataclass(frozen=True, slots=True)
class PerformanceEstimate:
    """Expected metrics; None where too little is scored to tell.

    Attributes
    ----------
    roc_auc : float or None
    churn_rate : float or None
        Share of the customers who will leave: the mean score.
    precision, recall, f1 : float or None
        At the model's threshold.
    """

    roc_auc: float | None
    churn_rate: float | None
    precision: float | None
    recall: float | None
    f1: float | None


def estimate_performance(counts: ScoreCounts) -> PerformanceEstimate:
    """Estimate metrics from scores alone.

    Parameters
    ----------
    counts : ScoreCounts
        Of a table.
    """
    rows = int(counts.rows.sum())
    leaving = float(counts.millionths.sum()) / MILLION
    caught = counts.flagged.millionths / MILLION
    return PerformanceEstimate(
        roc_auc=_expected_auc(counts),
        churn_rate=_ratio(leaving, rows),
        precision=_ratio(caught, counts.flagged.customers),
        recall=_ratio(caught, leaving),
        f1=_ratio(2 * caught, counts.flagged.customers + leaving),
    )


def _expected_auc(counts: ScoreCounts) -> float | None:
    """Return the expected pairs (leaver above stayer) over the expected pairs, ties counting half.

    Scores within one step of the fine histogram count as ties; that moves the result by less than 1e-4
    unless nearly all scores share a step.
    """
    rows = counts.rows.astype(np.float64)
    leaving = counts.millionths / MILLION
    staying = rows - leaving
    # A customer makes no pair with himself.
    own = np.divide(leaving * staying, rows, out=np.zeros_like(rows), where=rows > 0)
    staying_below = np.cumsum(staying) - staying
    above = (leaving * staying_below).sum() + (leaving * staying - own).sum() / 2
    return _ratio(float(above), float(leaving.sum() * staying.sum() - own.sum()))


def _ratio(part: float, whole: float) -> float | None:
    # Below a billionth the whole is what subtraction left of nothing.
    return None if whole < 1e-9 else part / whole
