"""Splits keep each group on one side: holdout, cross-validation and calibration."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import RepeatedStratifiedKFold, train_test_split

from churn_core.errors import DataError, TrainingError
from churn_core.models.rows import LabelledRows, group_codes
from churn_core.models.splits import calibration_folds, cross_validation_folds, holdout_split

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


def test_equal_values_are_one_group_and_each_missing_value_is_its_own_group() -> None:
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
def test_groups_may_have_any_flat_type(values: Any) -> None:
    codes = group_codes(pd.DataFrame({"g": values}), "g")
    assert codes is not None
    assert codes[0] == codes[3]
    assert len(set(codes.tolist())) == 3


def test_a_missing_or_nested_group_column_is_named() -> None:
    with pytest.raises(DataError, match="'household'"):
        group_codes(pd.DataFrame({"a": [1]}), "household")
    with pytest.raises(DataError, match=r"'household'.*nested"):
        group_codes(pd.DataFrame({"household": [[1], [2]]}), "household")


def test_taken_rows_keep_their_labels_and_groups(labels: np.ndarray, groups: np.ndarray) -> None:
    rows = LabelledRows(pd.DataFrame({"number": np.arange(600)}), labels, groups)
    positions = np.array([5, 599, 0])
    taken = rows.take(positions)
    assert len(taken) == 3
    assert taken.groups is not None
    assert taken.features["number"].tolist() == positions.tolist()
    assert taken.labels.tolist() == labels[positions].tolist()
    assert taken.groups.tolist() == groups[positions].tolist()


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
    splits = calibration_folds(labels, groups, SEED)
    assert isinstance(splits, list)
    assert not any(shared(groups, *split) for split in splits)


def test_without_groups_the_splits_are_those_of_scikit_learn(labels: np.ndarray) -> None:
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
        lambda: calibration_folds(labels, groups, SEED),
    ):
        with pytest.raises(TrainingError, match=r"data\.group"):
            split()


def test_a_split_that_leaves_a_side_without_a_label_is_refused() -> None:
    labels = np.repeat([0, 1], [400, 200])
    with pytest.raises(TrainingError, match=r"data\.group"):
        holdout_split(labels, np.minimum(np.arange(600), 400), 0.2, SEED)
