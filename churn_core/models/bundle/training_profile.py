"""The training profile: the distributions of the training rows and of the holdout's scores."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import numpy as np

from churn_core.models.evaluation.metrics import DECIMALS
from churn_core.schema import CategoryFeature
from churn_core.scoring.drift.counter import count_codes, count_numbers
from churn_core.scoring.drift.performance_estimate import PerformanceEstimate, estimate_performance
from churn_core.scoring.drift.profile import METRICS, ColumnProfile, ScoreProfile, TrainingProfile
from churn_core.scoring.drift.score_counts import ScoreCounts, count_intervals
from churn_core.scoring.scores import round_probability

if TYPE_CHECKING:
    import numpy.typing as npt

    from churn_core.models.churn_model import ChurnModel
    from churn_core.schema import Feature

BINS: Final = 10


def training_profile(model: ChurnModel) -> TrainingProfile:
    """Count the encoded training rows and the holdout's scores per interval.

    Numbers and scores are cut at their deciles; equal deciles are merged. Intervals with equal numbers of
    rows show a shift best.
    """
    columns = tuple(
        _column_profile(model.training_matrix[:, position], feature)
        for position, feature in enumerate(model.contract.features)
    )
    scores = round_probability(model.holdout_probabilities)
    edges = _deciles(scores)
    return TrainingProfile(
        rows=len(model.training_matrix),
        columns=columns,
        scores=ScoreProfile(
            edges=tuple(edges.tolist()),
            counts=tuple(count_intervals(scores, edges).tolist()),
            mean=round(float(scores.mean()), DECIMALS),
            flagged_share=round(float((scores >= model.threshold).mean()), DECIMALS),
            churn_rate=round(float(model.holdout_labels.mean()), DECIMALS),
            estimated=_rounded(estimate_performance(ScoreCounts.count(scores, model.threshold))),
        ),
        metrics={name: model.holdout[name] for name in METRICS},
    )


def _column_profile(values: npt.NDArray[np.float32], feature: Feature) -> ColumnProfile:
    if isinstance(feature, CategoryFeature):
        return ColumnProfile(tuple(count_codes(values, feature.missing_code + 1).tolist()))
    present = values[~np.isnan(values)]
    if not len(present):
        return ColumnProfile((0, 0, 0, len(values)))
    cut = ColumnProfile(
        counts=(),
        edges=tuple(_deciles(present).astype(np.float64).tolist()),
        low=float(present.min()),
        high=float(present.max()),
    )
    return ColumnProfile(tuple(count_numbers(values, cut).tolist()), cut.edges, cut.low, cut.high)


def _rounded(estimate: PerformanceEstimate) -> PerformanceEstimate:
    values = asdict(estimate).items()
    return PerformanceEstimate(**{n: None if v is None else round(v, DECIMALS) for n, v in values})


def _deciles(values: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    return np.unique(np.quantile(values, np.arange(1, BINS) / BINS, method="lower"))
