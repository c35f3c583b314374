"""Fit an encoder and a pipeline: the same way in each fold and for the final model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sklearn.utils.validation import has_fit_parameter

from churn_core.features import TableEncoder
from churn_core.models.families import FAMILIES, build_pipeline
from churn_core.models.parameters import parameter_fault
from churn_core.models.splits import calibration_folds

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from sklearn.pipeline import Pipeline

    from churn_core.config import Settings
    from churn_core.models.rows import LabelledRows


@dataclass(frozen=True, slots=True, eq=False)
class FittedPipeline:
    """What was learnt from some rows.

    Attributes
    ----------
    encoder : TableEncoder
        Raw rows to the encoded matrix.
    pipeline : Pipeline
        The encoded matrix to probabilities.
    matrix : ndarray of float32, shape (rows, features)
        The encoded rows it was fitted on.
    """

    encoder: TableEncoder
    pipeline: Pipeline
    matrix: npt.NDArray[np.float32]


def fit_pipeline(settings: Settings, rows: LabelledRows, *, calibrated: bool) -> FittedPipeline:
    """Fit a new encoder and the pipeline of the configured family.

    A calibrated pipeline has a sigmoid after the estimator's raw output, fitted on folds of whole groups.

    Raises
    ------
    ConfigError
        If a value of ``model.params`` makes the estimator fail.
    """
    encoder = TableEncoder(settings.contract)
    matrix = encoder.fit_transform(rows.features)
    seed = settings.data.random_state
    folds = calibration_folds(rows.labels, rows.groups, seed) if calibrated else None
    pipeline = build_pipeline(settings.model, encoder.contract_, seed, calibration=folds)
    try:
        pipeline.fit(matrix, rows.labels, **_group_parameters(settings, rows))
    except Exception as error:

        def fit(params: dict[str, Any], at: npt.NDArray[np.intp]) -> object:
            model = settings.model.model_copy(update={"params": params})
            return build_pipeline(model, encoder.contract_, seed).fit(matrix[at], rows.labels[at])

        fault = parameter_fault(settings.model.params, error, fit, rows.labels)
        if fault is None:
            raise
        raise fault from error
    return FittedPipeline(encoder, pipeline, matrix)


def _group_parameters(settings: Settings, rows: LabelledRows) -> dict[str, Any]:
    """Return the groups for the steps that hold rows out: to stop early, and to learn rates of categories."""
    family = FAMILIES[settings.model.type]
    if rows.groups is None:
        return {}
    steps = ["classify"] if has_fit_parameter(family.estimator(), "groups") else []
    steps += ["represent"] if family.representation == "churn_rates" else []
    return {f"{step}__groups": rows.groups for step in steps}
