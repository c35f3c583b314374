"""The figures that a report shows of a model's scores and reasons."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.stats import binomtest

from churn_core.scoring.onnx_session import open_session
from churn_core.scoring.predictor import ROWS_PER_RUN

if TYPE_CHECKING:
    import numpy.typing as npt

    from churn_core.models.export.prove import ProvedModel

    Labels = npt.NDArray[np.int64]
    Probabilities = npt.NDArray[np.float64]

GROUPS: Final = 10
"""Bins of the calibration curve, and parts of the ranking."""


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Customers with similar scores.

    Attributes
    ----------
    customers : int
    mean_score : float
    churn_rate : float
        Share of them who left.
    low, high : float
        Wilson's 95 % interval of that share.
    """

    customers: int
    mean_score: float
    churn_rate: float
    low: float
    high: float


def calibration_bins(labels: Labels, probabilities: Probabilities) -> list[CalibrationBin]:
    """Group customers by score into bins of about equal size; equal scores share a bin."""
    edges = np.unique(np.quantile(probabilities, np.arange(1, GROUPS) / GROUPS, method="lower"))
    membership = np.searchsorted(edges, probabilities, side="left")
    bins = []
    for number in np.unique(membership):
        members = membership == number
        customers, leavers = int(members.sum()), int(labels[members].sum())
        interval = binomtest(leavers, customers).proportion_ci(method="wilson")
        bins.append(
            CalibrationBin(
                customers,
                float(probabilities[members].mean()),
                leavers / customers,
                float(interval.low),
                float(interval.high),
            )
        )
    return bins


@dataclass(frozen=True, slots=True)
class Tenth:
    """One tenth of the customers, ranked with the highest scores first.

    Attributes
    ----------
    customers, leavers : int
    lift : float
        Their churn rate, divided by that of all customers.
    reached : float
        Share of all leavers who are in this tenth or an earlier one.
    """

    customers: int
    leavers: int
    lift: float
    reached: float


def ranked_tenths(labels: Labels, probabilities: Probabilities) -> list[Tenth]:
    """Split the ranking into tenths; ``lift_top_tenth`` measures the first of them."""
    ranked = labels[np.argsort(-probabilities, kind="stable")]
    edges = [len(ranked) * number // GROUPS for number in range(GROUPS + 1)]
    overall = float(ranked.mean())
    return [
        Tenth(
            end - start,
            int(ranked[start:end].sum()),
            float(ranked[start:end].mean()) / overall,
            float(ranked[:end].sum() / ranked.sum()),
        )
        for start, end in pairwise(edges)
        if end > start
    ]


@dataclass(frozen=True, slots=True)
class Gains:
    """The share of leavers reached for each share of customers contacted.

    Attributes
    ----------
    contacted, reached : ndarray of float64
        From (0, 0) to (1, 1), with one more point per distinct score, highest first.
    at_threshold : tuple of float
        The point at which all flagged customers have been contacted.
    """

    contacted: npt.NDArray[np.float64]
    reached: npt.NDArray[np.float64]
    at_threshold: tuple[float, float]

    def reached_by(self, contacted: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the share of leavers reached for each share of customers contacted."""
        return np.interp(contacted, self.contacted, self.reached)


def cumulative_gains(labels: Labels, probabilities: Probabilities, threshold: float) -> Gains:
    """Compute the gains curve; customers with equal scores count as contacted in random order."""
    levels, level_of_row = np.unique(-probabilities, return_inverse=True)
    contacted = np.append(0.0, np.cumsum(np.bincount(level_of_row)) / len(labels))
    reached = np.append(0.0, np.cumsum(np.bincount(level_of_row, weights=labels)) / labels.sum())
    flagged = int(np.searchsorted(levels, -threshold, side="right"))
    return Gains(contacted, reached, (float(contacted[flagged]), float(reached[flagged])))


@dataclass(frozen=True, slots=True)
class FeatureImportance:
    """How strongly a feature moves scores.

    Attributes
    ----------
    name : str
    strength : float
        Mean absolute contribution over the training rows, in log-odds.
    """

    name: str
    strength: float


def training_contributions(proved: ProvedModel) -> npt.NDArray[np.float32]:
    """Return the contributions of the training rows, float32 of shape (rows, features)."""
    matrix = proved.model.training_matrix
    session = open_session(proved.scoring.model.SerializeToString())
    return np.concatenate(
        [
            session.run(["contributions"], {"features": matrix[start : start + ROWS_PER_RUN]})[0]
            for start in range(0, len(matrix), ROWS_PER_RUN)
        ]
    )


def feature_importances(
    proved: ProvedModel, contributions: npt.NDArray[np.float32]
) -> list[FeatureImportance]:
    """Rank the features by mean absolute contribution, the largest first.

    Parameters
    ----------
    proved : ProvedModel
    contributions : ndarray of float32, shape (rows, features)
        From `training_contributions`.
    """
    importances = [
        FeatureImportance(
            feature.name,
            float(np.abs(contributions[:, position]).mean(dtype=np.float64)),
        )
        for position, feature in enumerate(proved.model.contract.features)
    ]
    return sorted(importances, key=lambda importance: -importance.strength)
