"""Properties that the exported graphs of every family have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.special import expit

from churn_core.models.export.gate_rows import random_rows
from churn_core.models.families import FAMILIES
from churn_core.scoring.bundle import load_bundle
from churn_core.scoring.onnx_inspection import refuse_unsafe_model
from churn_core.scoring.predictor import ROWS_PER_RUN, ChurnPredictor

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.parametrize("family", FAMILIES)
def test_a_score_does_not_depend_on_the_other_rows(bundle_of: Any, family: str) -> None:
    predictor = ChurnPredictor.load(bundle_of(family))
    rows = random_rows(predictor.contract, 2 * ROWS_PER_RUN + 1, np.random.default_rng(1))
    together = predictor.score_matrix(rows)
    order = np.random.default_rng(2).permutation(len(rows))
    shuffled = predictor.score_matrix(rows[order])
    np.testing.assert_array_equal(shuffled.raw_score, together.raw_score[order])
    for row in (0, 1, ROWS_PER_RUN - 1, ROWS_PER_RUN, 2 * ROWS_PER_RUN):
        alone = predictor.score_matrix(rows[row : row + 1])
        assert alone.raw_score[0] == together.raw_score[row]
        assert alone.probability[0] == together.probability[row]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", ["model.onnx", "portable.onnx"])
def test_graphs_of_every_family_pass(bundle_of: Callable[[str], Path], family: str, name: str) -> None:
    refuse_unsafe_model((bundle_of(family) / name).read_bytes())


@pytest.mark.parametrize("family", FAMILIES)
def test_contributions_and_the_manifests_intercept_add_up_to_the_score(
    bundle_of: Callable[[str], Path], family: str
) -> None:
    predictor = ChurnPredictor.load(bundle_of(family))
    rows = random_rows(predictor.contract, 2_000, np.random.default_rng(3))
    scores = predictor.score_matrix(rows)
    intercept = predictor.bundle.manifest["reasons"]["intercept"]
    total = scores.contributions.astype(np.float64).sum(axis=1) + intercept
    raw = scores.raw_score.astype(np.float64)
    # Extreme rows have raw scores so large that one float32 step exceeds 1e-5.
    assert (np.abs(total - raw) <= 1e-5 * np.maximum(1.0, np.abs(raw) / 10)).all()
    # The probability is also rounded to six decimals.
    assert np.abs(expit(raw) - scores.probability).max() <= 1.5e-6


@pytest.mark.parametrize("family", FAMILIES)
def test_golden_rows_lie_on_both_sides_of_the_threshold_and_of_the_risk_bands(
    bundle_of: Callable[[str], Path], family: str
) -> None:
    bundle = load_bundle(bundle_of(family))
    scores = [row["churn_probability"] for row in bundle.manifest["golden_rows"]]
    for limit in (bundle.threshold, *bundle.risk_bands.values()):
        # Scores differ by less than 0.02 from the limit, so a limit that is moved further is noticed.
        assert any(limit <= score < limit + 0.02 for score in scores), limit
        assert any(limit - 0.02 < score < limit for score in scores), limit
