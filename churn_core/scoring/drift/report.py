"""Compare a scored table with the training profile: which columns and scores moved, and how far."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from churn_core.schema import CategoryFeature
from churn_core.scoring.drift.category_levels import expect_unknown, fold_levels
from churn_core.scoring.drift.performance_estimate import (
    ASSUMPTION,
    PerformanceEstimate,
    estimate_performance,
)
from churn_core.scoring.drift.stability_index import LEVELS, Shift, shift

if TYPE_CHECKING:
    import numpy.typing as npt

    from churn_core.schema import Feature
    from churn_core.scoring.bundle import Bundle
    from churn_core.scoring.drift.counter import DriftCounts
    from churn_core.scoring.drift.profile import ColumnProfile, TrainingProfile

    Rows = npt.NDArray[np.float64]

FALSE_ALARMS: Final = 0.01
"""Share of tables without drift for which a column or the scores would be reported as moved."""


@dataclass(frozen=True, slots=True)
class ColumnDrift:
    """How far a column moved; shares are of the rows that were scored or refused for this column.

    Attributes
    ----------
    column : str
        The column's name.
    kind : {"number", "category"}
    shift : Shift
    missing_before, missing_now : float
        Share without a value.
    unknown_before, unknown_now : float or None
        For a category, the share of values unseen in training; before, the share expected of new rows.
    outside_now : float or None
        For a number, the share below the smallest or above the largest training value.
    refused : dict
        Rows that were rejected for this column's value, by reject code.
    """

    column: str
    kind: str
    shift: Shift
    missing_before: float
    missing_now: float
    unknown_before: float | None
    unknown_now: float | None
    outside_now: float | None
    refused: dict[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types, with the keys of a column in `DriftReport.to_dict`."""
        unknown = {"training": self.unknown_before, "now": self.unknown_now}
        return {
            "column": self.column,
            "kind": self.kind,
            **asdict(self.shift),
            "missing": {"training": self.missing_before, "now": self.missing_now},
            "unknown": unknown if self.kind == "category" else None,
            "outside": self.outside_now,
            "refused": self.refused,
        }


@dataclass(frozen=True, slots=True)
class DriftReport:
    """Comparison of a scored table with the training data.

    Attributes
    ----------
    model_version : str
    training_rows, holdout_rows : int
        Columns are compared with the training rows, scores with the holdout's.
    scored, rejected : int
        Rows of the table.
    columns : tuple of ColumnDrift
        Largest PSI first; ties in contract order.
    scores : Shift
    mean_before, mean_now : float or None
        Mean score of the holdout and of the table.
    flagged_before, flagged_now : float or None
        Share of customers predicted to leave.
    measured : dict
        Metrics of the holdout, computed with its labels.
    estimated_before, estimated : PerformanceEstimate
        Metrics of the holdout and of this table, estimated without labels.
    """

    model_version: str
    training_rows: int
    holdout_rows: int
    scored: int
    rejected: int
    columns: tuple[ColumnDrift, ...]
    scores: Shift
    mean_before: float
    mean_now: float | None
    flagged_before: float
    flagged_now: float | None
    measured: dict[str, float]
    estimated_before: PerformanceEstimate
    estimated: PerformanceEstimate

    @property
    def moved(self) -> tuple[ColumnDrift, ...]:
        """The columns that are not stable, largest PSI first."""
        return tuple(column for column in self.columns if column.shift.level != "stable")

    @property
    def verdict(self) -> str:
        """The worst level of all columns and the scores; ``major`` if most rows were rejected."""
        if self.rejected > self.scored:
            return LEVELS[-1]
        levels = [self.scores.level, *(column.shift.level for column in self.columns)]
        return max(levels, key=LEVELS.index)

    def summary(self) -> dict[str, Any]:
        """Return the verdict as plain JSON types.

        ``verdict``; ``moved``: names of the columns that are not stable, largest PSI first; ``columns``:
        each column's ``psi`` and ``level`` by name; ``scores``: ``psi`` and ``level``.
        """
        shifts = {column.column: column.shift for column in self.columns}
        summary: dict[str, Any] = _rounded(
            {
                "verdict": self.verdict,
                "moved": [column.column for column in self.moved],
                "columns": {name: {"psi": shift.psi, "level": shift.level} for name, shift in shifts.items()},
                "scores": {"psi": self.scores.psi, "level": self.scores.level},
            }
        )
        return summary

    def to_dict(self) -> dict[str, Any]:
        """Return the whole report as plain JSON types.

        - ``model_version``; ``verdict`` and ``moved`` as in `summary`
        - ``rows``: ``training``, ``holdout``, ``scored``, ``rejected``
        - ``columns``: a list, largest PSI first, each with ``column``, ``kind``, ``psi``, ``noise``,
          ``level``, ``missing`` and ``unknown`` (``training`` and ``now``; ``unknown`` is null for a
          number), ``outside`` (null for a category) and ``refused`` (rows by code)
        - ``scores``: ``psi``, ``noise``, ``level``, and ``mean`` and ``predicted_churn``, each with
          ``holdout`` and ``now``
        - ``performance``: ``assumption``; ``holdout`` (with labels), ``holdout_estimated`` and
          ``estimated`` (without labels), each with ``roc_auc``, ``churn_rate``, ``precision``,
          ``recall``, ``f1``

        Shares are from 0 to 1. Values that need more rows than there are, are null.
        """
        whole: dict[str, Any] = {
            "model_version": self.model_version,
            "verdict": self.verdict,
            "moved": [column.column for column in self.moved],
            "rows": {
                "training": self.training_rows,
                "holdout": self.holdout_rows,
                "scored": self.scored,
                "rejected": self.rejected,
            },
            "columns": [column.to_dict() for column in self.columns],
            "scores": {
                **asdict(self.scores),
                "mean": {"holdout": self.mean_before, "now": self.mean_now},
                "predicted_churn": {"holdout": self.flagged_before, "now": self.flagged_now},
            },
            "performance": {
                "assumption": ASSUMPTION,
                "holdout": self.measured,
                "holdout_estimated": asdict(self.estimated_before),
                "estimated": asdict(self.estimated),
            },
        }
        rounded: dict[str, Any] = _rounded(whole)
        return rounded


def compare(bundle: Bundle, profile: TrainingProfile, counts: DriftCounts, rejected: int) -> DriftReport:
    """Compare a counted table with the training profile of the bundle that scored it.

    Parameters
    ----------
    bundle : Bundle
    profile : TrainingProfile
        The bundle's profile.
    counts : DriftCounts
        Counts of the whole table.
    rejected : int
        Rows that were not scored.
    """
    false_alarms = FALSE_ALARMS / (len(profile.columns) + 1)
    columns = [
        _compare_column(feature, column, now, counts.refused.get(feature.name, {}), false_alarms)
        for feature, column, now in zip(
            bundle.contract.features, profile.columns, counts.columns, strict=True
        )
    ]
    columns.sort(key=lambda column: -column.shift.psi)
    estimated = estimate_performance(counts.scores)
    return DriftReport(
        model_version=bundle.model_version,
        training_rows=profile.rows,
        holdout_rows=profile.scores.rows,
        scored=counts.rows,
        rejected=rejected,
        columns=tuple(columns),
        scores=shift(
            np.array(profile.scores.counts, dtype=np.float64),
            counts.intervals.astype(np.float64),
            false_alarms,
        ),
        mean_before=profile.scores.mean,
        mean_now=estimated.churn_rate,
        flagged_before=profile.scores.flagged_share,
        flagged_now=counts.scores.flagged.customers / counts.rows if counts.rows else None,
        measured=profile.metrics | {"churn_rate": profile.scores.churn_rate},
        estimated_before=profile.scores.estimated,
        estimated=estimated,
    )


def _compare_column(
    feature: Feature,
    column: ColumnProfile,
    counted: npt.NDArray[np.int64],
    refused: dict[str, int],
    false_alarms: float,
) -> ColumnDrift:
    before, now = np.array(column.counts, dtype=np.float64), counted.astype(np.float64)
    refusals = float(sum(refused.values()))
    rows = max(1.0, now.sum() + refusals)
    category = isinstance(feature, CategoryFeature)
    if isinstance(feature, CategoryFeature):
        bins = fold_levels(before, now, feature.unknown_code)
        before = expect_unknown(before, feature.unknown_code)
    else:
        bins = before, now
    return ColumnDrift(
        column=feature.name,
        kind="category" if category else "number",
        # Training tables hold no refused values.
        shift=shift(np.append(bins[0], 0.0), np.append(bins[1], refusals), false_alarms),
        missing_before=float(before[-1] / max(1.0, before.sum())),
        missing_now=float((now[-1] + refused.get("missing", 0)) / rows),
        unknown_before=float(before[-2] / max(1.0, before.sum())) if category else None,
        unknown_now=float(now[-2] / rows) if category else None,
        outside_now=None if category else float((now[0] + now[-2]) / rows),
        refused=dict(refused),
    )


def _rounded(value: Any) -> Any:
    """Return JSON content with its floats rounded to six decimals."""
    if isinstance(value, dict):
        return {key: _rounded(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_rounded(member) for member in value]
    return round(value, 6) if isinstance(value, float) else value
