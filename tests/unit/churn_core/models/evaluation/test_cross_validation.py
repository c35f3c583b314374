"""Cross-validation: each fold by a model that has not seen it, and when a sigmoid is added."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from churn_core.models.evaluation import cross_validation
from churn_core.models.evaluation.cross_validation import OutOfFold, judge
from churn_core.models.rows import LabelledRows

if TYPE_CHECKING:
    from churn_core.config import Settings


def overconfident(factor: float) -> OutOfFold:
    """Made-up log-odds, `factor` times too far from 0."""
    generator = np.random.default_rng(3)
    truth = generator.normal(0, 1.5, 4000)
    labels = (generator.random(4000) < 1 / (1 + np.exp(-truth))).astype(np.int64)
    fold = np.arange(4000) % 3
    return OutOfFold((truth * factor)[None, :], fold[None, :], labels)


@pytest.mark.parametrize(("factor", "helps"), [(1.0, False), (3.0, True), (0.3, True)])
def test_a_sigmoid_is_added_only_if_it_lowers_the_log_loss(
    settings: Settings, factor: float, helps: bool
) -> None:
    assert judge(settings, overconfident(factor)).calibrated is helps


def test_each_fold_is_predicted_by_a_model_that_has_not_seen_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[set[int], set[int]]] = []

    def spy(_settings: Settings, train: LabelledRows, test: pd.DataFrame) -> Any:
        seen.append((set(train.features.index), set(test.index)))
        return np.zeros(len(test))

    monkeypatch.setattr(cross_validation, "_fit_and_predict", spy)
    rows = LabelledRows(pd.DataFrame({"a": range(60)}), np.arange(60) % 2)
    cross_validation.predict_out_of_fold(settings, rows, repeats=1, jobs=1)
    assert len(seen) == 3
    for train, test in seen:
        assert not train & test
        assert train | test == set(range(60))
