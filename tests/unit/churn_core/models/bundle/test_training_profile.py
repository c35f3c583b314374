"""The training profile: columns of the training rows, scores of the holdout."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from churn_core.data import generate_sample_data
from churn_core.models.bundle.training_profile import BINS, training_profile
from churn_core.scoring.drift.counter import DriftCounter
from churn_core.scoring.drift.profile import TrainingProfile
from churn_core.scoring.drift.report import compare
from churn_core.scoring.predictor import ChurnPredictor

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd

    from churn_core.models.export.prove import ProvedModel


def test_the_manifest_contains_the_profile(proved_logistic: ProvedModel, sample_bundle: Path) -> None:
    bundle = ChurnPredictor.load(sample_bundle).bundle
    assert TrainingProfile.from_bundle(bundle) == training_profile(proved_logistic.model)


def test_columns_are_counted_over_the_training_rows(
    proved_logistic: ProvedModel, sample_table: pd.DataFrame
) -> None:
    model = proved_logistic.model
    profile = training_profile(model)
    names = model.contract.names
    assert profile.rows == model.rows["training"]
    assert {sum(column.counts) for column in profile.columns} == {profile.rows}
    tenure = profile.columns[names.index("tenure")]
    values = model.training_matrix[:, names.index("tenure")]
    assert (tenure.low, tenure.high) == (values.min(), values.max())
    assert (tenure.counts[0], tenure.counts[-2], tenure.counts[-1]) == (0, 0, 0)
    assert len(tenure.edges) <= BINS - 1
    contract = profile.columns[names.index("Contract")]
    assert contract.counts[-2:] == (0, 0)


def test_continuous_numbers_and_scores_are_cut_into_tenths(proved_logistic: ProvedModel) -> None:
    model = proved_logistic.model
    profile = training_profile(model)
    charges = profile.columns[model.contract.names.index("MonthlyCharges")]
    inside = np.array(charges.counts[1:-2])
    assert len(inside) == BINS
    assert inside / profile.rows == pytest.approx(1 / BINS, abs=0.005)
    assert np.array(profile.scores.counts) / profile.scores.rows == pytest.approx(1 / BINS, abs=0.01)


def test_the_scores_are_those_of_the_holdout(proved_logistic: ProvedModel) -> None:
    model = proved_logistic.model
    scores = training_profile(model).scores
    assert scores.rows == model.rows["holdout"]
    assert scores.mean == pytest.approx(model.holdout_probabilities.mean(), abs=1e-6)
    assert scores.churn_rate == pytest.approx(model.holdout_labels.mean(), abs=1e-6)
    assert scores.flagged_share == pytest.approx((model.holdout_probabilities >= model.threshold).mean())


def test_drift_compares_new_scores_with_the_holdout_and_not_with_training_rows(
    prove: Callable[[str], ProvedModel], bundle_of: Callable[[str], Path], sample_table: pd.DataFrame
) -> None:
    model = prove("random_forest").model
    predictor = ChurnPredictor.load(bundle_of("random_forest"))
    profile = TrainingProfile.from_bundle(predictor.bundle)
    assert profile is not None
    counter = DriftCounter(model.contract, profile, model.threshold)

    def scores_psi(matrix: np.ndarray) -> float:
        counts = counter.count(matrix.T, predictor.score_matrix(matrix).probability)
        return compare(predictor.bundle, profile, counts, 0).scores.psi

    new = model.encode(generate_sample_data(4_000, seed=99))
    assert scores_psi(new) < 0.05
    # A forest's scores of its own training rows look shifted, so they can't be the reference.
    assert scores_psi(model.training_matrix) > 2 * scores_psi(new)
