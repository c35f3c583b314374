"""What an explanation costs: one sentence about the chosen family beside the other one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.metrics import roc_auc_score

from churn_core.models.evaluation.metrics import fold_interval

if TYPE_CHECKING:
    from churn_core.models.evaluation.cross_validation import OutOfFold


@dataclass(frozen=True, slots=True)
class Gain:
    """What one family finds beyond another, on the same rows held out.

    Attributes
    ----------
    leavers : float
        More leavers among 1,000 customers contacted.
    area : dict
        The difference in area under the ROC curve: ``mean``, ``low``, ``high`` (95 %).
    """

    leavers: float
    area: dict[str, float]

    def __str__(self) -> str:
        area = self.area
        return f"{area['mean']:+.4f} ROC AUC [{area['low']:+.4f}, {area['high']:+.4f}]"


def gain(better: OutOfFold, other: OutOfFold, contacted: float, test_share: float) -> Gain:
    """Compare two families.

    Parameters
    ----------
    contacted : float
        The share of customers contacted, those with the highest scores.
    test_share : float
        n_test / n_train of one fold.
    """
    areas = [
        roc_auc_score(labels, better.raw[repeat, mask]) - roc_auc_score(labels, other.raw[repeat, mask])
        for repeat, mask in better.each_fold()
        if len(np.unique(labels := better.labels[mask])) == 2
    ]
    count = max(1, round(contacted * len(better.labels)))
    leavers = _leavers_among(better, count) - _leavers_among(other, count)
    area = fold_interval("roc_auc_difference", np.array(areas), test_share)
    return Gain(1_000 * leavers / count, area)


def _leavers_among(found: OutOfFold, count: int) -> float:
    """Return the leavers among the `count` highest scores, the mean over the repeats."""
    top = np.argsort(-found.raw, axis=1, kind="stable")[:, :count]
    return float(found.labels[top].sum(axis=1).mean())


def price_sentence(
    taken: str,
    other: str,
    *,
    behind: float,
    error: float,
    gained: Gain,
    exact: frozenset[str],
) -> str:
    """Say in the user's words what the chosen family gives and what the other one would.

    Parameters
    ----------
    taken, other : str
        The chosen family, and the one that it is compared with.
    behind, error : float
        The log loss that the chosen family is behind the other, and the standard error of this difference.
    gained : Gain
        Of the chosen family over the other.
    exact : frozenset of str
        The families with exact reasons.
    """
    if taken not in exact:
        leavers = round(gained.leavers)
        found = (
            f"finds {leavers:,} more leavers among 1,000 customers contacted than {other} ({gained})"
            if leavers > 0
            else f"has a log loss lower by {-behind:.4f} than {other} ({gained})"
        )
        return f"{taken} {found}; model.type: {other} would give exact reasons instead."
    if behind <= 0:
        return f"{taken} is the best of the families compared, and explains exactly."
    apart = ", which can't be told apart" if behind <= error else ""
    return f"{taken} loses {behind:.4f} log loss to {other}{apart}, and explains exactly."
