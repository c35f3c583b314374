"""Estimate the metrics of scores whose customers have no labels yet.

Confidence-based performance estimation: a customer with score 0.8 leaves with probability 0.8. At or above
the threshold that is 0.8 of a true positive and 0.2 of a false positive; below it, 0.8 of a false negative
and 0.2 of a true negative. The metrics follow from these sums.

The idea is from Guillory et al. 2021 ("Predicting with Confidence on Unseen Distributions"), the name from
NannyML. Bialek, Kuberski, Perrakis and Bifet 2024 ("Estimating Model Performance Under Covariate Shift
Without Labels", arXiv:2401.08348) give the condition: the customers may change, but equal customers must
leave as often as in training. If that changes (concept drift), only labels can show it.
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
    """Expected metrics; None where there are too few scored rows.

    Attributes
    ----------
    roc_auc : float or None
    churn_rate : float or None
        Expected share of customers who leave: the mean score.
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
    """Return the expected share of (leaver, stayer) pairs in which the leaver's score is higher.

    Ties count half. Scores in the same step of the histogram count as ties, which changes the result by
    less than 1e-4 unless nearly all scores are in one step.
    """
    rows = counts.rows.astype(np.float64)
    leaving = counts.millionths / MILLION
    staying = rows - leaving
    # A customer does not form a pair with itself.
    own = np.divide(leaving * staying, rows, out=np.zeros_like(rows), where=rows > 0)
    staying_below = np.cumsum(staying) - staying
    above = (leaving * staying_below).sum() + (leaving * staying - own).sum() / 2
    return _ratio(float(above), float(leaving.sum() * staying.sum() - own.sum()))


def _ratio(part: float, whole: float) -> float | None:
    # Below 1e-9 the whole is a rounding error of a subtraction whose exact result is 0.
    return None if whole < 1e-9 else part / whole
