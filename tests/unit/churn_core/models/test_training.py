"""Training: what is learnt from which rows, and that the same input gives the same model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from churn_core.config import parse_config, with_model_type
from churn_core.data import generate_sample_data
from churn_core.errors import ConfigError, TrainingError
from churn_core.models import train_model
from churn_core.models.evaluation import cross_validation
from churn_core.models.evaluation.cross_validation import OutOfFold, judge
from churn_core.schema import CategoryFeature

if TYPE_CHECKING:
    from churn_core.config import Settings


def changed(settings: Settings, **sections: dict[str, Any]) -> Settings:
    content = settings.model_dump()
    for name, values in sections.items():
        content[name] |= values
    return parse_config(content)


def test_the_holdout_is_split_by_class_and_never_trained_on(
    settings: Settings, sample_table: pd.DataFrame
) -> None:
    model = train_model(settings, sample_table, jobs=1)
    assert model.rows == {"training": 2400, "holdout": 600}
    assert len(model.training_matrix) == 2400
    share = (sample_table["Churn"] == "Yes").mean()
    assert model.holdout_labels.mean() == pytest.approx(share, abs=1 / 600)


def test_values_that_only_the_holdout_has_are_unknown_to_the_model(
    settings: Settings, sample_table: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    from churn_core.models import training

    everyone = np.arange(len(sample_table))
    table = sample_table.copy()
    table["gender"] = table["gender"].astype(object)
    table.loc[everyone[-600:], "gender"] = "only in the holdout"
    monkeypatch.setattr(
        training, "holdout_split", lambda labels, *_: np.split(np.arange(len(labels)), [-600])
    )
    model = train_model(settings, table, jobs=1)
    gender = model.contract.feature("gender")
    assert isinstance(gender, CategoryFeature)
    assert "only in the holdout" not in gender.vocabulary


def test_labels_of_the_holdout_change_nothing_but_its_metrics(
    settings: Settings, sample_table: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    from churn_core.models import training

    monkeypatch.setattr(
        training, "holdout_split", lambda labels, *_: np.split(np.arange(len(labels)), [-600])
    )
    flipped = sample_table.copy()
    tail = flipped.index[-600:]
    flipped.loc[tail, "Churn"] = flipped.loc[tail, "Churn"].map({"Yes": "No", "No": "Yes"})
    one, other = (train_model(settings, table, jobs=1) for table in (sample_table, flipped))
    assert one.holdout != other.holdout
    assert one.cv == other.cv
    assert one.threshold == other.threshold
    np.testing.assert_array_equal(one.predict_proba(sample_table), other.predict_proba(sample_table))


@pytest.mark.parametrize("family", ["logistic_regression", "additive", "random_forest", "gradient_boosting"])
def test_the_same_input_gives_the_same_model_on_one_core_or_two(
    settings: Settings, sample_table: pd.DataFrame, family: str
) -> None:
    config = with_model_type(settings, family)
    one, other = (train_model(config, sample_table, jobs=jobs) for jobs in (1, 2))
    assert one.cv == other.cv
    assert one.threshold == other.threshold
    np.testing.assert_array_equal(one.predict_proba(sample_table), other.predict_proba(sample_table))


def test_every_metric_has_an_interval_around_its_mean(settings: Settings, sample_table: pd.DataFrame) -> None:
    model = train_model(settings, sample_table, jobs=1)
    assert (
        set(model.cv)
        == set(model.holdout)
        == {
            *("roc_auc", "pr_auc", "log_loss", "brier", "ece", "lift_top_tenth"),
            *("accuracy", "precision", "recall", "f1"),
        }
    )
    assert all(m["low"] < m["mean"] < m["high"] for m in model.cv.values())


def test_a_fixed_threshold_is_kept(settings: Settings, sample_table: pd.DataFrame) -> None:
    model = train_model(changed(settings, decision={"threshold": 0.35}), sample_table, jobs=1)
    assert model.threshold == 0.35


def test_forests_are_always_calibrated(settings: Settings, sample_table: pd.DataFrame) -> None:
    config = changed(settings, model={"type": "random_forest", "calibration": "none"})
    assert train_model(config, sample_table, jobs=1).calibrated


def _out_of_fold(stretch: float) -> OutOfFold:
    """Made-up log-odds that are `stretch` times too sure of themselves."""
    generator = np.random.default_rng(3)
    truth = generator.normal(0, 1.5, 4000)
    labels = (generator.random(4000) < 1 / (1 + np.exp(-truth))).astype(np.int64)
    fold = np.arange(4000) % 3
    return OutOfFold((truth * stretch)[None, :], fold[None, :], labels)


@pytest.mark.parametrize(("stretch", "helps"), [(1.0, False), (3.0, True), (0.3, True)])
def test_a_sigmoid_is_added_only_where_it_lowers_the_log_loss(
    settings: Settings, stretch: float, helps: bool
) -> None:
    assert judge(settings, _out_of_fold(stretch)).calibrated is helps


def test_a_class_too_small_for_the_folds_is_refused(settings: Settings) -> None:
    table = generate_sample_data(400, seed=2)
    stayers = table[table["Churn"] == "No"]
    few = pd.concat([stayers, table[table["Churn"] == "Yes"].head(4)])
    with pytest.raises(TrainingError, match="'Churn' has 4 rows"):
        train_model(settings, few.reset_index(drop=True), jobs=1)


def test_an_unknown_parameter_is_named(settings: Settings, sample_table: pd.DataFrame) -> None:
    config = changed(settings, model={"params": {"depth_of_thought": 3}})
    with pytest.raises(ConfigError, match=r"model\.params.*'depth_of_thought'"):
        train_model(config, sample_table, jobs=1)


def test_parameters_reach_the_estimator(settings: Settings, sample_table: pd.DataFrame) -> None:
    config = changed(settings, model={"type": "logistic_regression", "params": {"C": 0.001}})
    assert train_model(config, sample_table, jobs=1).estimator.C == 0.001


def test_each_fold_is_predicted_by_a_model_that_has_not_seen_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[set[int], set[int]]] = []

    def spy(settings: Settings, train: pd.DataFrame, labels: np.ndarray, test: pd.DataFrame) -> np.ndarray:
        seen.append((set(train.index), set(test.index)))
        return np.zeros(len(test))

    monkeypatch.setattr(cross_validation, "_raw_output", spy)
    parsed = pd.DataFrame({"a": range(60)})
    labels = np.arange(60) % 2
    cross_validation.predict_out_of_fold(settings, parsed, labels, jobs=1)
    assert len(seen) == 3
    for train, test in seen:
        assert not train & test
        assert train | test == set(range(60))


def test_a_category_with_an_identifiers_many_values_is_refused(
    settings: Settings, sample_table: pd.DataFrame
) -> None:
    table = sample_table.assign(gender=sample_table["customerID"])
    with pytest.raises(TrainingError, match="'gender' has 2400 different values, over 1000"):
        train_model(settings, table, jobs=1)


def test_progress_is_told_fold_by_fold(settings: Settings, sample_table: pd.DataFrame) -> None:
    told: list[tuple[int, int]] = []
    train_model(settings, sample_table, jobs=1, on_fold=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]
