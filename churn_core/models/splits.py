"""The one place where rows are split into rows to train on and rows held out.

All rows of a group (a household, an account, a customer with several rows) stay on one side of every split.
Nearly equal rows on both sides would make a model look better than it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import numpy as np
from sklearn.model_selection import (
    RepeatedStratifiedKFold,
    StratifiedGroupKFold,
    StratifiedKFold,
    train_test_split,
)

from churn_core.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from churn_core.config import Settings
    from churn_core.models.rows import LabelledRows

    Indices = npt.NDArray[np.int64]
    Split = tuple[Indices, Indices]

CALIBRATION_FOLDS: Final = 5

_HOLDOUT_FOLDS: Final = 20
"""A holdout of whole groups consists of some of at most this many folds, unless its share is smaller."""

_TOO_FEW_GROUPS: Final = (
    "No split into whole groups (data.group) puts rows of both labels into every part; add rows of other"
    " groups, lower evaluation.folds, or remove data.group."
)


@dataclass(frozen=True, slots=True)
class HoldoutSplit:
    """A table's rows, divided once.

    Attributes
    ----------
    training : LabelledRows
        All that training and cross-validation may look at.
    holdout : LabelledRows
        For the final metrics only.
    holdout_positions : ndarray of int64, shape (holdout rows,)
        Their row numbers in the table, increasing.
    """

    training: LabelledRows
    holdout: LabelledRows
    holdout_positions: Indices


def split_off_holdout(rows: LabelledRows, settings: Settings) -> HoldoutSplit:
    """Divide the rows by `holdout_split`.

    Raises
    ------
    TrainingError
        If a label has too few rows for the folds, or the holdout would have one label only.
    """
    churned = int(rows.labels.sum())
    rarer = min(churned, len(rows) - churned)
    needed = 2 * settings.evaluation.folds
    if rarer < needed:
        raise TrainingError(
            f"The rarer label of column {settings.data.target.column!r} has {rarer} rows; training with"
            f" {settings.evaluation.folds} folds needs {needed}. Add rows or lower evaluation.folds."
        )
    training, holdout = holdout_split(
        rows.labels, rows.groups, settings.data.test_size, settings.data.random_state
    )
    if _has_one_label(rows.labels[holdout]):
        raise TrainingError(
            f"A holdout of {len(holdout)} rows has one label only; add rows or raise data.test_size."
        )
    return HoldoutSplit(rows.take(training), rows.take(holdout), holdout)


def holdout_split(labels: Indices, groups: Indices | None, test_size: float, seed: int) -> Split:
    """Split off the holdout, stratified by class.

    Parameters
    ----------
    labels : ndarray of int64, shape (rows,)
    groups : ndarray of int64, shape (rows,), or None
        From `churn_core.models.rows.group_codes`.
    test_size : float
        Share of the rows to hold out. With groups it is met as closely as whole groups allow.
    seed : int

    Returns
    -------
    ndarray of int64, ndarray of int64
        Row numbers for training and of the holdout, each increasing.

    Raises
    ------
    TrainingError
        If no holdout of whole groups has both labels.
    """
    positions = np.arange(len(labels))
    if groups is None:
        training, holdout = train_test_split(
            positions, test_size=test_size, stratify=labels, random_state=seed
        )
        return np.sort(training), np.sort(holdout)
    finest = max(_HOLDOUT_FOLDS, round(1 / test_size), round(1 / (1 - test_size)))
    share = Fraction(test_size).limit_denominator(finest)
    folds = _grouped_folds(labels, groups, share.denominator, seed)
    holdout = np.sort(np.concatenate([test for _, test in folds[: share.numerator]]))
    split = np.setdiff1d(positions, holdout), holdout
    _require_both_labels(labels, [split])
    return split


def cross_validation_folds(
    labels: Indices, groups: Indices | None, *, folds: int, repeats: int, seed: int
) -> list[Split]:
    """List (rows to train on, rows held out), fold after fold, repeat after repeat; stratified by class.

    Raises
    ------
    TrainingError
        If folds of whole groups can't have both labels on each side.
    """
    if groups is None:
        splitter = RepeatedStratifiedKFold(n_splits=folds, n_repeats=repeats, random_state=seed)
        return list(splitter.split(np.zeros(len(labels)), labels))
    generator = np.random.default_rng(seed)
    splits = [
        split
        for repeat_seed in generator.integers(0, 2**32, repeats).tolist()
        for split in _grouped_folds(labels, groups, folds, repeat_seed)
    ]
    _require_both_labels(labels, splits)
    return splits


def calibration_folds(labels: Indices, groups: Indices | None, seed: int) -> StratifiedKFold | list[Split]:
    """Return scikit-learn's ``cv`` argument for the calibration: a splitter, or splits of whole groups.

    Raises
    ------
    TrainingError
        If folds of whole groups can't have both labels on each side.
    """
    if groups is None:
        return StratifiedKFold(CALIBRATION_FOLDS, shuffle=True, random_state=seed)
    splits = _grouped_folds(labels, groups, CALIBRATION_FOLDS, seed)
    _require_both_labels(labels, splits)
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


def _require_both_labels(labels: Indices, splits: Sequence[Split]) -> None:
    if any(_has_one_label(labels[side]) for split in splits for side in split):
        raise TrainingError(_TOO_FEW_GROUPS)


def _has_one_label(labels: Indices) -> bool:
    return bool(labels.min() == labels.max())
