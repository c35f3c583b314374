"""The training profile in a bundle's manifest, with which scored tables are compared.

`churn_core.models.bundle.training_profile` writes it; scoring counts rows by its intervals.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from churn_core.errors import BundleError
from churn_core.schema import CategoryFeature
from churn_core.scoring.drift.performance_estimate import PerformanceEstimate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from churn_core.schema import Contract
    from churn_core.scoring.bundle import Bundle

PROFILE_FORMAT: Final = 2
"""Version of the profile's layout; with a bundle of another version, drift is not counted."""

METRICS: Final = ("roc_auc", "precision", "recall", "f1")
"""Metrics that can be estimated without labels."""


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """Distribution of one column's values in training.

    Attributes
    ----------
    counts : tuple of int
        Rows. For a category by code: known values, unknown, missing. For a number: below `low`, in each
        interval from `low` to `high`, above `high`, missing.
    edges : tuple of float
        A number's inner edges in rising order; an edge belongs to the interval above it. Empty for a
        category.
    low, high : float or None
        A number's smallest and largest training value, exact in float32; None if all are missing.
    """

    counts: tuple[int, ...]
    edges: tuple[float, ...] = ()
    low: float | None = None
    high: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types; `from_dict` reads them back."""
        counts = {"counts": list(self.counts)}
        if not self.edges and self.low is None:
            return counts
        return {**counts, "edges": list(self.edges), "low": self.low, "high": self.high}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> ColumnProfile:
        """Read the result of `to_dict`."""
        return cls(
            _counts(content["counts"]),
            _rising(content.get("edges", [])),
            *(None if content.get(end) is None else float(content[end]) for end in ("low", "high")),
        )


@dataclass(frozen=True, slots=True)
class ScoreProfile:
    """Distribution of the holdout's scores.

    Training rows are not used: forests and boosted models score them with too much confidence, so every
    new table would seem to have moved.

    Attributes
    ----------
    edges : tuple of float
        Inner edges in rising order; an edge belongs to the interval above it.
    counts : tuple of int
        Rows of each interval.
    mean : float
        Mean score.
    flagged_share : float
        Share of rows at or above the threshold.
    churn_rate : float
        Share of rows labelled as churned.
    estimated : PerformanceEstimate
        The holdout's metrics, estimated without its labels. Their distance from the metrics with labels
        shows how good such estimates are.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    mean: float
    flagged_share: float
    churn_rate: float
    estimated: PerformanceEstimate

    @property
    def rows(self) -> int:
        """Rows of the holdout."""
        return sum(self.counts)


@dataclass(frozen=True, slots=True)
class TrainingProfile:
    """The training data's distributions and metrics.

    Attributes
    ----------
    rows : int
        Training rows.
    columns : tuple of ColumnProfile
        In contract order.
    scores : ScoreProfile
    metrics : dict
        `METRICS` of the holdout, computed with its labels. The manifest has them outside of the profile.
    """

    rows: int
    columns: tuple[ColumnProfile, ...]
    scores: ScoreProfile
    metrics: dict[str, float]

    def to_dict(self, names: Sequence[str]) -> dict[str, Any]:
        """Return plain JSON types, with columns by `names`; `from_dict` reads them back."""
        return {
            "format": PROFILE_FORMAT,
            "rows": self.rows,
            "columns": {name: column.to_dict() for name, column in zip(names, self.columns, strict=True)},
            "scores": asdict(self.scores)
            | {"edges": list(self.scores.edges), "counts": list(self.scores.counts)},
        }

    @classmethod
    def from_dict(
        cls, content: Mapping[str, Any], metrics: Mapping[str, float], contract: Contract
    ) -> TrainingProfile:
        """Read the result of `to_dict` and the holdout's metrics, and check that they fit the contract.

        Raises
        ------
        KeyError, TypeError, ValueError
            If `content` is not a profile of the contract's columns.
        """
        columns = tuple(ColumnProfile.from_dict(content["columns"][name]) for name in contract.names)
        for feature, column in zip(contract.features, columns, strict=True):
            expected = len(column.edges) + 4
            if isinstance(feature, CategoryFeature):
                expected = feature.missing_code + 1
            if len(column.counts) != expected:
                raise ValueError(f"profile.columns.{feature.name}.counts must have {expected} values")
        scores = content["scores"]
        edges, counts = _rising(scores["edges"]), _counts(scores["counts"])
        if len(counts) != len(edges) + 1:
            raise ValueError("profile.scores.counts must have one value more than profile.scores.edges")
        return cls(
            int(content["rows"]),
            columns,
            ScoreProfile(
                edges,
                counts,
                mean=float(scores["mean"]),
                flagged_share=float(scores["flagged_share"]),
                churn_rate=float(scores["churn_rate"]),
                estimated=_estimate(scores["estimated"]),
            ),
            {name: float(metrics[name]) for name in METRICS},
        )

    @classmethod
    def from_bundle(cls, bundle: Bundle) -> TrainingProfile | None:
        """Return the profile of a bundle; None if it has no profile of this format.

        Raises
        ------
        BundleError
            If the profile does not fit the bundle's contract.
        """
        content = bundle.manifest.get("profile")
        if not isinstance(content, dict) or content.get("format") != PROFILE_FORMAT:
            return None
        try:
            return cls.from_dict(content, bundle.manifest["metrics"]["holdout"], bundle.contract)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise BundleError(
                "The key 'profile' of manifest.json (how the training rows are distributed) does not fit the"
                " columns of its key 'contract'; train the model again."
            ) from error


def _estimate(values: Mapping[str, Any]) -> PerformanceEstimate:
    return PerformanceEstimate(
        **{name: None if value is None else float(value) for name, value in values.items()}
    )


def _counts(values: Sequence[Any]) -> tuple[int, ...]:
    counts = tuple(int(value) for value in values)
    if any(not 0 <= count < 2**53 for count in counts):
        raise ValueError("a count is negative or too large")
    return counts


def _rising(values: Sequence[Any]) -> tuple[float, ...]:
    edges = tuple(float(value) for value in values)
    if not np.isfinite(edges).all() or any(a >= b for a, b in pairwise(edges)):
        raise ValueError("edges must be finite, and each greater than the one before")
    return edges
