"""Train a churn model: read, split, choose, fit, measure."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from churn_core.data.columns import learn_id_type
from churn_core.errors import TrainingError
from churn_core.models.churn_model import ChurnModel
from churn_core.models.evaluation.grouped import measure_grouped
from churn_core.models.evaluation.metrics import evaluate, rounded
from churn_core.models.evaluation.selection import select_model
from churn_core.models.fitting import fit_pipeline
from churn_core.models.rows import labelled_positions, read_labelled_rows
from churn_core.models.splits import split_off_holdout
from churn_core.schema import MAX_VOCABULARY

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from churn_core.config import Settings
    from churn_core.models.evaluation.selection import Selection
    from churn_core.models.fitting import FittedPipeline
    from churn_core.models.rows import LabelledRows
    from churn_core.models.splits import HoldoutSplit
    from churn_core.schema import Contract


def train_model(
    settings: Settings,
    table: pd.DataFrame,
    *,
    jobs: int | None = None,
    on_fold: Callable[[int, int], None] | None = None,
    on_step: Callable[[str], None] = lambda _step: None,
    also_grouped: bool = False,
) -> ChurnModel:
    """Train on a labelled table.

    The holdout is split off first, stratified by class; only the final metrics look at it. Calibration,
    threshold and cross-validated metrics come from out-of-fold predictions of the other rows. Where the
    configuration names a group, no group has rows on both sides of a split.

    Parameters
    ----------
    settings : Settings
        From `churn_core.config.load_config`.
    table : DataFrame
        Labelled rows, as `churn_core.data.load_table` returns them.
    jobs : int, optional
        Folds fitted at the same time; one per core by default.
    on_fold : callable, optional
        Called after each cross-validation fold with (folds done, folds in total).
    on_step : callable
        Called before each later step with its description.
    also_grouped : bool
        Whether to cross-validate the chosen model once more with equal rows kept together.

    Raises
    ------
    DataValidationError
        If the table breaks the data contract.
    DataError
        If the table lacks the group column.
    TrainingError
        If a label or the groups have too few customers for the folds, or a category too many values.
    """
    kept, whole = labelled_positions(table, settings.contract), len(table)
    table = table.iloc[kept]
    rows = read_labelled_rows(table, settings)
    split = split_off_holdout(rows, settings)
    _check_vocabularies(settings.contract, split.training)
    selection = select_model(settings, split.training, jobs=jobs or os.cpu_count() or 1, on_fold=on_fold)
    grouped = None
    if also_grouped:
        on_step("cross-validating with equal rows kept together")
        grouped = measure_grouped(selection.settings, split.training, jobs=jobs or os.cpu_count() or 1)
    on_step(f"fitting the final model on {len(split.training):,} rows")
    fitted = fit_pipeline(selection.settings, split.training, calibrated=selection.judged.calibrated)
    contract = fitted.encoder.contract_
    if contract.id_column is not None:
        # Of the ids that were held out too.
        fitted.encoder.contract_ = replace(contract, id_type=learn_id_type(table[contract.id_column]))
    model = _measure(selection, fitted, split)
    return replace(
        model,
        cv_grouped=grouped,
        rows=model.rows | {"excluded": whole - len(kept)},
        holdout_positions=kept[model.holdout_positions],
    )


def _check_vocabularies(contract: Contract, rows: LabelledRows) -> None:
    for feature in contract.categories:
        count = rows.features[feature.name].nunique()
        if count > MAX_VOCABULARY and feature.max_levels is None:
            raise TrainingError(
                f"Category column {feature.name!r} has {count} different values, over {MAX_VOCABULARY}."
                " Give it max_levels (such as 50), declare it as the id or as a number, or leave it out."
            )


def _measure(selection: Selection, fitted: FittedPipeline, split: HoldoutSplit) -> ChurnModel:
    """Measure the fitted pipeline on the holdout and assemble the model."""
    judged, labels = selection.judged, split.holdout.labels
    probabilities = fitted.pipeline.predict_proba(fitted.encoder.transform(split.holdout.features))[:, 1]
    return ChurnModel(
        settings=selection.settings,
        encoder=fitted.encoder,
        pipeline=fitted.pipeline,
        decision=judged.decision,
        calibrated=judged.calibrated,
        cv=judged.metrics,
        holdout=rounded(evaluate(labels, probabilities, judged.decision.threshold)),
        rows={"training": len(split.training), "holdout": len(split.holdout)},
        training_labels=split.training.labels,
        choices=selection.choices,
        training_matrix=fitted.matrix,
        holdout_positions=split.holdout_positions,
        holdout_labels=labels,
        holdout_probabilities=np.asarray(probabilities, dtype=np.float64),
    )
