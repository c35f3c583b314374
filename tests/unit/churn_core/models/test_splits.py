"""Splits: whole groups on one side in the holdout, in cross-validation and in calibration."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import RepeatedStratifiedKFold, train_test_split

from churn_core.config import Settings, parse_config
from churn_core.data import generate_sample_data
from churn_core.errors import ConfigError, DataError, TrainingError
from churn_core.models import train_model
from churn_core.models.splits import (
    calibration_folds,
    cross_validation_folds,
    group_codes,
    holdout_split,
)

SEED = 42


@pytest.fixture
def labels() -> np.ndarray:
    return (np.random.default_rng(0).random(600) < 0.3).astype(np.int64)


@pytest.fixture
def groups() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 150, 600)


def shared(groups: np.ndarray, one: np.ndarray, other: np.ndarray) -> set[int]:
    return set(groups[one].tolist()) & set(groups[other].tolist())


# ---------------------------------------------------------------- groups of a table


def test_equal_values_are_one_group_and_a_missing_one_is_a_group_of_its_own() -> None:
    table = pd.DataFrame({"household": ["a", None, "b", "a", " ", ""]})
    codes = group_codes(table, "household")
    assert codes is not None
    assert codes[0] == codes[3]
    assert len(set(codes.tolist())) == 5


@pytest.mark.parametrize(
    "values",
    [
        pd.array([7, None, 8, 7], dtype="Int64"),
        [7.5, np.nan, 8.5, 7.5],
        pd.to_datetime(pd.Series(["2024-01-01", None, "2024-01-02", "2024-01-01"])),
        [True, None, False, True],
    ],
)
def test_groups_may_be_of_any_flat_type(values: Any) -> None:
    codes = group_codes(pd.DataFrame({"g": values}), "g")
    assert codes is not None
    assert codes[0] == codes[3]
    assert len(set(codes.tolist())) == 3


def test_a_group_column_that_is_not_there_or_nested_is_named() -> None:
    with pytest.raises(DataError, match="'household'"):
        group_codes(pd.DataFrame({"a": [1]}), "household")
    with pytest.raises(DataError, match=r"'household'.*nested"):
        group_codes(pd.DataFrame({"household": [[1], [2]]}), "household")


# ---------------------------------------------------------------- the three splits


@pytest.mark.parametrize("test_size", [0.1, 0.2, 0.25, 0.3, 0.37, 0.5])
def test_the_holdout_takes_whole_groups_and_about_its_share_by_class(
    test_size: float, labels: np.ndarray, groups: np.ndarray
) -> None:
    training, holdout = holdout_split(labels, groups, test_size, SEED)
    assert not shared(groups, training, holdout)
    assert np.sort(np.concatenate([training, holdout])).tolist() == list(range(600))
    assert len(holdout) / 600 == pytest.approx(test_size, abs=0.04)
    assert labels[holdout].mean() == pytest.approx(labels.mean(), abs=0.05)


def test_every_fold_takes_whole_groups(labels: np.ndarray, groups: np.ndarray) -> None:
    splits = cross_validation_folds(labels, groups, folds=4, repeats=3, seed=SEED)
    assert len(splits) == 12
    assert not any(shared(groups, *split) for split in splits)
    for repeat in range(3):
        tested = np.concatenate([test for _, test in splits[4 * repeat : 4 * repeat + 4]])
        assert np.sort(tested).tolist() == list(range(600))
    assert any(set(splits[0][1]) != set(split[1]) for split in splits[4:])


def test_every_calibration_fold_takes_whole_groups(labels: np.ndarray, groups: np.ndarray) -> None:
    splits = calibration_folds(SEED, labels, groups)
    assert not any(shared(groups, *split) for split in splits)


def test_without_groups_the_splits_are_scikit_learns_own(labels: np.ndarray) -> None:
    expected = train_test_split(np.arange(600), test_size=0.2, stratify=labels, random_state=SEED)
    for mine, theirs in zip(holdout_split(labels, None, 0.2, SEED), expected, strict=True):
        assert mine.tolist() == sorted(theirs)
    splitter = RepeatedStratifiedKFold(n_splits=3, n_repeats=2, random_state=SEED)
    for split, theirs in zip(
        cross_validation_folds(labels, None, folds=3, repeats=2, seed=SEED),
        splitter.split(np.zeros(600), labels),
        strict=True,
    ):
        assert [part.tolist() for part in split] == [part.tolist() for part in theirs]


@pytest.mark.parametrize("groups", [np.zeros(600, dtype=np.int64), np.arange(600) // 300])
def test_too_few_groups_are_refused(labels: np.ndarray, groups: np.ndarray) -> None:
    for split in (
        lambda: holdout_split(labels, groups, 0.2, SEED),
        lambda: cross_validation_folds(labels, groups, folds=5, repeats=1, seed=SEED),
        lambda: calibration_folds(SEED, labels, groups),
    ):
        with pytest.raises(TrainingError, match=r"data\.group"):
            split()


def test_groups_of_one_label_that_leave_a_side_without_it_are_refused() -> None:
    labels = np.repeat([0, 1], [400, 200])
    with pytest.raises(TrainingError, match=r"data\.group"):
        holdout_split(labels, np.minimum(np.arange(600), 400), 0.2, SEED)


# ---------------------------------------------------------------- training


@pytest.fixture
def households() -> pd.DataFrame:
    """Each household thrice, all its rows with one label that its columns do not tell."""
    table = generate_sample_data(300, seed=3)
    table["Churn"] = np.random.default_rng(0).permutation(["Yes", "No"] * 150)
    table["MonthlyCharges"] = np.linspace(20, 119, 300)
    table["household"] = [f"h{number}" for number in range(300)]
    table = pd.concat([table] * 3, ignore_index=True)
    return table.assign(customerID=[f"c{number}" for number in range(900)])


def grouped(settings: Settings, **data: Any) -> Settings:
    content = settings.model_dump()
    content["data"] |= {"group": "household"} | data
    content["model"] = {"type": "random_forest", "params": {"n_estimators": 20, "max_depth": None}}
    return parse_config(content)


def test_replicated_customers_flatter_a_model_unless_they_are_grouped(
    settings: Settings, households: pd.DataFrame
) -> None:
    alone = train_model(grouped(settings, group=None), households, jobs=1)
    together = train_model(grouped(settings), households, jobs=1)
    for metrics in (alone.holdout, {name: m["mean"] for name, m in alone.cv.items()}):
        assert metrics["roc_auc"] > 0.9
    for metrics in (together.holdout, {name: m["mean"] for name, m in together.cv.items()}):
        assert metrics["roc_auc"] < 0.65


def test_the_calibration_of_the_final_model_is_grouped_too(
    settings: Settings, households: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = train_model(grouped(settings), households, jobs=1)
    classifier = model.classifier
    assert isinstance(classifier, CalibratedClassifierCV)
    assert isinstance(classifier.cv, list)
    rows = len(model.training_matrix)
    for train, test in classifier.cv:
        # Replicas are equal in every feature: rows of the test side are never among those trained on.
        known = {row.tobytes() for row in model.training_matrix[train]}
        assert not any(row.tobytes() in known for row in model.training_matrix[test])
        assert len(train) + len(test) == rows


def test_the_group_is_no_feature_and_is_not_needed_for_scoring(
    settings: Settings, households: pd.DataFrame
) -> None:
    model = train_model(grouped(settings), households, jobs=1)
    assert "household" not in model.contract.names
    assert len(model.predict_proba(households.drop(columns="household"))) == 900


def test_training_without_the_group_column_names_it(settings: Settings, households: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="'household'"):
        train_model(grouped(settings), households.drop(columns="household"), jobs=1)


@pytest.mark.parametrize("column", ["Churn", "TenureBand"])
def test_neither_the_target_nor_a_derived_feature_can_be_the_group(settings: Settings, column: str) -> None:
    with pytest.raises(ConfigError, match=r"data\.group"):
        grouped(settings, group=column)
