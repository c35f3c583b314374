"""Train a churn model: split, cross-validate, calibrate, choose a threshold, fit, measure."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from churn_core.data import validate_data
from churn_core.data.columns import target_labels
from churn_core.errors import TrainingError
from churn_core.features import TableEncoder, parse_table
from churn_core.models.churn_model import ChurnModel
from churn_core.models.evaluation.metrics import evaluate, rounded
from churn_core.models.evaluation.selection import select_model
from churn_core.models.families import build_pipeline
from churn_core.models.splits import calibration_folds, group_codes, holdout_split
from churn_core.schema import MAX_VOCABULARY

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    import pandas as pd

    from churn_core.config import Settings
    from churn_core.schema import Contract


def train_model(
    config: Settings,
    table: pd.DataFrame,
    *,
    jobs: int | None = None,
    on_fold: Callable[[int, int], None] | None = None,
) -> ChurnModel:
    """Train on a labelled table.

    The holdout is split off first, by class, and nothing but the final metrics looks at it. Where the
    configuration names a group, no group has rows on both sides of a split.
    Calibration, threshold and cross-validated metrics come from out-of-fold predictions of the rest.

    Parameters
    ----------
    config : Settings
        From `churn_core.config.load_config`.
    table : DataFrame
        Labelled rows, as `churn_core.data.load_table` gives them.
    jobs : int, optional
        Folds fitted at the same time; all cores by default.
    on_fold : callable, optional
        Told how many folds of the cross-validation are done, and of how many.

    Raises
    ------
    DataValidationError
        If the table breaks the data contract.
    DataError
        If the table lacks the group column.
    TrainingError
        If a class or the groups have too few customers for the folds, or a category too many values.
    """
    contract = config.contract
    validate_data(table, contract, ids_repeat=config.data.ids_repeat).raise_for_errors()
    labels = target_labels(table[contract.target], contract)
    parsed = parse_table(table, contract)
    groups = group_codes(table, config.data.group)
    training, holdout = _split(config, labels, groups)
    own_groups = None if groups is None else groups[training]
    rows, row_labels = parsed.iloc[training], labels[training]

    _check_vocabularies(contract, rows)

    selection = select_model(
        config, rows, row_labels, own_groups, jobs=jobs or os.cpu_count() or 1, on_fold=on_fold
    )
    config, judged = selection.settings, selection.judged

    encoder = TableEncoder(contract)
    matrix = encoder.fit_transform(rows)
    seed = config.data.random_state
    folds = calibration_folds(seed, row_labels, own_groups) if judged.calibrated else None
    pipeline = build_pipeline(
        config.model, encoder.contract_, seed, calibrated=judged.calibrated, folds=folds
    )
    pipeline.fit(matrix, row_labels)
    held_out = pipeline.predict_proba(encoder.transform(parsed.iloc[holdout]))[:, 1]
    return ChurnModel(
        settings=config,
        encoder=encoder,
        pipeline=pipeline,
        decision=judged.decision,
        calibrated=judged.calibrated,
        cv=judged.metrics,
        holdout=rounded(evaluate(labels[holdout], held_out, judged.decision.threshold)),
        rows={"training": len(training), "holdout": len(holdout)},
        choices=selection.choices,
        training_matrix=matrix,
        holdout_labels=labels[holdout],
        holdout_probabilities=np.asarray(held_out, dtype=np.float64),
    )


def _check_vocabularies(contract: Contract, rows: pd.DataFrame) -> None:
    for feature in contract.categories:
        count = rows[feature.name].nunique()
        if count > MAX_VOCABULARY and feature.max_levels is None:
            raise TrainingError(
                f"Category column {feature.name!r} has {count} different values, over {MAX_VOCABULARY};"
                " give it max_levels (such as 50), declare it as the id or as a number, or leave it out."
            )


def _split(
    config: Settings, labels: npt.NDArray[np.int64], groups: npt.NDArray[np.int64] | None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    smaller = int(min(labels.sum(), len(labels) - labels.sum()))
    needed = 2 * config.evaluation.folds
    if smaller < needed:
        raise TrainingError(
            f"The rarer label of column {config.data.target.column!r} has {smaller} rows; training with"
            f" {config.evaluation.folds} folds needs {needed}: add rows or lower evaluation.folds."
        )
    training, holdout = holdout_split(labels, groups, config.data.test_size, config.data.random_state)
    if labels[holdout].min() == labels[holdout].max():
        raise TrainingError(
            f"A holdout of {len(holdout)} rows has one label only; add rows or raise data.test_size."
        )
    return training, holdout
