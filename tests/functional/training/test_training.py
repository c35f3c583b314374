"""Training: which rows each step uses, and that the same input gives the same model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from churn_core.config import parse_config
from churn_core.data import generate_sample_data
from churn_core.errors import ConfigError, TrainingError
from churn_core.models import splits, train_model
from churn_core.pipelines import run_training

if TYPE_CHECKING:
    from pathlib import Path

    from churn_core.config import Settings
    from churn_core.models import ChurnModel

ROWS, HOLDOUT = 1_200, 240
QUICK: dict[str, dict[str, Any]] = {
    "logistic_regression": {},
    "additive": {"pairs": 2, "members": 2, "max_iter": 30},
    "random_forest": {"n_estimators": 10},
    "gradient_boosting": {"n_estimators": 10},
}


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return generate_sample_data(ROWS, seed=11)


@pytest.fixture(scope="module")
def model(settings: Settings, table: pd.DataFrame) -> ChurnModel:
    return train_model(settings, table, jobs=1)


def changed(settings: Settings, **sections: dict[str, Any]) -> Settings:
    content = settings.model_dump()
    for name, values in sections.items():
        content[name] |= values
    return parse_config(content)


@pytest.fixture
def holdout_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the last rows of the table the holdout."""
    monkeypatch.setattr(
        splits, "holdout_split", lambda labels, *_: np.split(np.arange(len(labels)), [-HOLDOUT])
    )


def test_the_holdout_is_stratified_and_not_trained_on(model: ChurnModel, table: pd.DataFrame) -> None:
    assert model.rows == {"training": ROWS - HOLDOUT, "holdout": HOLDOUT}
    assert len(model.training_matrix) == ROWS - HOLDOUT
    churned = table["Churn"] == "Yes"
    assert model.holdout_labels.mean() == pytest.approx(churned.mean(), abs=1 / HOLDOUT)
    assert churned.iloc[model.holdout_positions].tolist() == (model.holdout_labels == 1).tolist()


@pytest.mark.usefixtures("holdout_at_the_end")
def test_values_that_only_the_holdout_has_are_unknown_to_the_model(
    settings: Settings, table: pd.DataFrame
) -> None:
    changed_table = table.copy()
    changed_table["gender"] = changed_table["gender"].astype(object)
    changed_table.loc[changed_table.index[-HOLDOUT:], "gender"] = "only in the holdout"
    trained = train_model(settings, changed_table, jobs=1)
    vocabularies = {category.name: category.vocabulary for category in trained.contract.categories}
    assert "only in the holdout" not in vocabularies["gender"]


@pytest.mark.usefixtures("holdout_at_the_end")
def test_labels_of_the_holdout_change_only_its_metrics(settings: Settings, table: pd.DataFrame) -> None:
    flipped = table.copy()
    tail = flipped.index[-HOLDOUT:]
    flipped.loc[tail, "Churn"] = flipped.loc[tail, "Churn"].map({"Yes": "No", "No": "Yes"})
    one, other = (train_model(settings, labelled, jobs=1) for labelled in (table, flipped))
    assert one.holdout != other.holdout
    assert one.cv == other.cv
    assert one.threshold == other.threshold
    np.testing.assert_array_equal(one.predict_proba(table), other.predict_proba(table))


@pytest.mark.parametrize("family", QUICK)
def test_the_same_input_gives_the_same_model_on_one_core_or_two(
    settings: Settings, table: pd.DataFrame, family: str
) -> None:
    config = changed(settings, model={"type": family, "params": QUICK[family]})
    one, other = (train_model(config, table, jobs=jobs) for jobs in (1, 2))
    assert one.cv == other.cv
    assert one.threshold == other.threshold
    np.testing.assert_array_equal(one.predict_proba(table), other.predict_proba(table))


def test_equal_input_gives_equal_bundle_files_except_the_creation_time(
    settings: Settings, table: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    run_training(settings, table, tmp_path / "one", jobs=1)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1800000000")
    run_training(settings, table, tmp_path / "two", jobs=2)
    one, two = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("one", "two")
    )
    assert set(one) == {"model.onnx", "portable.onnx", "manifest.json", "metrics.json", "report.html"}
    manifests = [json.loads(files.pop("manifest.json")) for files in (one, two)]
    assert one == two
    assert [m.pop("created") for m in manifests] == ["2023-11-14T22:13:20+00:00", "2027-01-15T08:00:00+00:00"]
    assert manifests[0] == manifests[1]


def test_every_metric_has_an_interval_around_its_mean(model: ChurnModel) -> None:
    assert (
        set(model.cv)
        == set(model.holdout)
        == {
            *("roc_auc", "pr_auc", "log_loss", "brier", "ece", "lift_top_tenth"),
            *("accuracy", "precision", "recall", "f1"),
        }
    )
    assert all(m["low"] < m["mean"] < m["high"] for m in model.cv.values())


def test_a_fixed_threshold_is_kept(settings: Settings, table: pd.DataFrame) -> None:
    assert train_model(changed(settings, decision={"threshold": 0.35}), table, jobs=1).threshold == 0.35


def test_forests_are_always_calibrated(settings: Settings, table: pd.DataFrame) -> None:
    forest = {"type": "random_forest", "calibration": "none", "params": QUICK["random_forest"]}
    assert train_model(changed(settings, model=forest), table, jobs=1).calibrated


def test_a_label_with_too_few_rows_for_the_folds_is_refused(settings: Settings, table: pd.DataFrame) -> None:
    stayers = table[table["Churn"] == "No"]
    few = pd.concat([stayers, table[table["Churn"] == "Yes"].head(4)])
    with pytest.raises(TrainingError, match="'Churn' has 4 rows"):
        train_model(settings, few.reset_index(drop=True), jobs=1)


def test_an_unknown_parameter_is_named(settings: Settings, table: pd.DataFrame) -> None:
    config = changed(settings, model={"params": {"depth_of_thought": 3}})
    with pytest.raises(ConfigError, match=r"model\.params.*'depth_of_thought'"):
        train_model(config, table, jobs=1)


def test_parameters_reach_the_estimator(settings: Settings, table: pd.DataFrame) -> None:
    config = changed(settings, model={"type": "logistic_regression", "params": {"C": 0.001}})
    assert train_model(config, table, jobs=1).estimator.C == 0.001


def test_a_category_with_as_many_values_as_an_identifier_is_refused(settings: Settings) -> None:
    table = generate_sample_data(1_300, seed=11)
    with pytest.raises(TrainingError, match=r"'gender' has 1040 different values.*max_levels"):
        train_model(settings, table.assign(gender=table["customerID"]), jobs=1)


def test_progress_is_reported_fold_by_fold(settings: Settings, table: pd.DataFrame) -> None:
    reported: list[tuple[int, int]] = []
    train_model(settings, table, jobs=1, on_fold=lambda done, total: reported.append((done, total)))
    assert reported == [(1, 3), (2, 3), (3, 3)]
