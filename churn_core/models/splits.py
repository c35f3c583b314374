"""Which rows are learnt from and which are held out: the one place where rows are split.

Where the configuration names a group (a household, an account, a customer with several rows), all rows of
a group stay on one side of every split: rows that are nearly the same on both sides would let a model
look better than it is.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from sklearn.model_selection import (
    RepeatedStratifiedKFold,
    StratifiedGroupKFold,
    StratifiedKFold,
    train_test_split,
)

from churn_core.data.columns import distinct_text
from churn_core.errors import DataError, TrainingError
from churn_core.scoring.records.values import BLANK

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    import numpy.typing as npt

    Indices = npt.NDArray[np.int64]
    Split = tuple[Indices, Indices]

CALIBRATION_FOLDS: Final = 5

_HOLDOUT_FOLDS: Final = 20
"""A holdout of whole groups is made of some of at most so many folds, unless its share is smaller."""

_TOO_FEW_GROUPS: Final = (
    "The rows of column data.group can't be split so that both labels are on each side; add groups, lower"
    " evaluation.folds, or leave data.group out."
)


def group_codes(table: pd.DataFrame, column: str | None) -> Indices | None:
    """Number the groups of a table.

    Parameters
    ----------
    table : DataFrame
    column : str or None
        The configuration's ``data.group``.

    Returns
    -------
    ndarray of int64, shape (rows,), or None
        Equal where the column's values are equal; a missing value (NULL or blank text) is a group of its
        own. None without a group column.

    Raises
    ------
    DataError
        If the table lacks the column, or it holds nested values.
    """
    if column is None:
        return None
    if column not in table.columns:
        raise DataError(f"Column {column!r} (data.group) is not in the table; add it, or change data.group.")
    series = table[column]
    text = distinct_text(series)
    if text is not None:
        blank = np.array([not value.strip(BLANK) for value in text.values] + [True])
        codes = np.where(blank[text.codes], -1, text.codes)
    else:
        try:
            codes = pd.factorize(series)[0].astype(np.int64)
        except TypeError:
            raise DataError(f"Column {column!r} (data.group) holds nested values; name another.") from None
    alone = codes < 0
    codes[alone] = codes.max(initial=-1) + 1 + np.arange(int(alone.sum()))
    return codes


def holdout_split(labels: Indices, groups: Indices | None, test_size: float, seed: int) -> Split:
    """Split off the holdout, by class.

    Parameters
    ----------
    labels : ndarray of int64, shape (rows,)
    groups : ndarray of int64, shape (rows,), or None
        From `group_codes`.
    test_size : float
        Share of the rows to hold out; met as nearly as whole groups allow.
    seed : int

    Returns
    -------
    ndarray of int64, ndarray of int64
        Row numbers for training and of the holdout, each increasing.

    Raises
    ------
    TrainingError
        If the groups do not allow for a holdout with both labels.
    """
    everyone = np.arange(len(labels))
    if groups is None:
        training, holdout = train_test_split(
            everyone, test_size=test_size, stratify=labels, random_state=seed
        )
        return np.sort(training), np.sort(holdout)
    finest = max(_HOLDOUT_FOLDS, round(1 / test_size), round(1 / (1 - test_size)))
    share = Fraction(test_size).limit_denominator(finest)
    folds = _grouped_folds(labels, groups, share.denominator, seed)
    holdout = np.sort(np.concatenate([test for _, test in folds[: share.numerator]]))
    split = np.setdiff1d(everyone, holdout), holdout
    _refuse_one_label(labels, [split])
    return split


def cross_validation_folds(
    labels: Indices, groups: Indices | None, *, folds: int, repeats: int, seed: int
) -> list[Split]:
    """List (rows to train on, rows held out), fold after fold, repeat after repeat; stratified by class.

    Raises
    ------
    TrainingError
        If the groups do not allow for folds with both labels on each side.
    """
    if groups is None:
        splitter = RepeatedStratifiedKFold(n_splits=folds, n_repeats=repeats, random_state=seed)
        return list(splitter.split(np.zeros(len(labels)), labels))
    draw = np.random.default_rng(seed)
    splits = [
        split
        for repeat_seed in draw.integers(0, 2**32, repeats).tolist()
        for split in _grouped_folds(labels, groups, folds, repeat_seed)
    ]
    _refuse_one_label(labels, splits)
    return splits


def calibration_folds(seed: int, labels: Indices | None = None, groups: Indices | None = None) -> Any:
    """Return what scikit-learn's ``cv`` takes for fitting the calibration: a splitter, or the splits.

    Raises
    ------
    TrainingError
        If the groups do not allow for folds with both labels on each side.
    """
    if labels is None or groups is None:
        return StratifiedKFold(CALIBRATION_FOLDS, shuffle=True, random_state=seed)
    splits = _grouped_folds(labels, groups, CALIBRATION_FOLDS, seed)
    _refuse_one_label(labels, splits)
    return splits


def _grouped_folds(labels: Indices, groups: Indices, count: int, seed: int) -> list[Split]:
    if len(np.unique(groups)) < count:
        raise TrainingError(_TOO_FEW_GROUPS)
    splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    try:
        splits = list(splitter.split(np.zeros(len(labels)), labels, groups))
    except ValueError as error:
        raise TrainingError(_TOO_FEW_GROUPS) from error
    if any(not len(train) or not len(test) for train, test in splits):
        raise TrainingError(_TOO_FEW_GROUPS)
    return splits


def _refuse_one_label(labels: Indices, splits: Sequence[Split]) -> None:
    if any(labels[side].min() == labels[side].max() for split in splits for side in split):
        raise TrainingError(_TOO_FEW_GROUPS)
