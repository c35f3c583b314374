"""Repeated stratified cross-validation on the training rows: calibration, threshold and metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from joblib import Parallel, delayed
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from churn_core.errors import TrainingError
from churn_core.models.evaluation.metrics import corrected_error, evaluate, fold_interval, row_log_losses
from churn_core.models.evaluation.threshold import choose_threshold
from churn_core.models.families import FAMILIES
from churn_core.models.fitting import fit_pipeline
from churn_core.models.parameters import parameter_error
from churn_core.models.splits import cross_validation_folds

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    import pandas as pd

    from churn_core.config import Settings
    from churn_core.models.evaluation.threshold import Decision
    from churn_core.models.rows import LabelledRows

    Probabilities = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """Raw outputs for each row, by models that were not trained on it.

    Attributes
    ----------
    raw : ndarray of float64, shape (repeats, rows)
        Log-odds of a boosted or linear model, share of votes of a forest.
    fold : ndarray of int64, shape (repeats, rows)
        The fold in which a row was held out.
    labels : ndarray of int64, shape (rows,)
    """

    raw: npt.NDArray[np.float64]
    fold: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]

    def each_fold(self) -> list[tuple[int, npt.NDArray[np.bool_]]]:
        """List (repeat, mask of the rows held out) over all folds of all repeats."""
        return [
            (repeat, self.fold[repeat] == fold)
            for repeat in range(len(self.fold))
            for fold in range(int(self.fold.max()) + 1)
        ]

    def fold_log_losses(self, probabilities: Probabilities) -> npt.NDArray[np.float64]:
        """Return the log loss in each fold of probabilities of shape (repeats, rows)."""
        return np.array(
            [
                row_log_losses(self.labels[mask], probabilities[repeat, mask]).mean()
                for repeat, mask in self.each_fold()
            ]
        )


def predict_out_of_fold(
    settings: Settings,
    rows: LabelledRows,
    *,
    repeats: int,
    jobs: int,
    on_fold: Callable[[], None] | None = None,
) -> OutOfFold:
    """Fit a new encoder and pipeline for each fold and predict the rows held out.

    Parameters
    ----------
    repeats : int
        How often all rows are split into folds.
    jobs : int
        Folds fitted at the same time.
    on_fold : callable, optional
        Called after each fold.

    Raises
    ------
    ConfigError
        If a value of ``model.params`` makes the estimator fail, or its output infinite.
    """
    folds = settings.evaluation.folds
    splits = cross_validation_folds(
        rows.labels, rows.groups, folds=folds, repeats=repeats, seed=settings.data.random_state
    )
    outputs = Parallel(n_jobs=jobs, return_as="generator")(
        delayed(_fit_and_predict)(settings, rows.take(train), rows.features.iloc[test])
        for train, test in splits
    )
    raw = np.empty((repeats, len(rows)))
    fold = np.empty((repeats, len(rows)), dtype=np.int64)
    for number, ((_, test), output) in enumerate(zip(splits, outputs, strict=True)):
        if on_fold is not None:
            on_fold()
        raw[number // folds, test] = output
        fold[number // folds, test] = number % folds
    if not np.isfinite(raw).all():
        params = settings.model.params
        if params:
            raise parameter_error(params, "with these values the model's output is not finite")
        raise TrainingError("The model's output is not finite; choose another model.type.")
    return OutOfFold(raw, fold, rows.labels)


def _fit_and_predict(settings: Settings, train: LabelledRows, test: pd.DataFrame) -> npt.NDArray[np.float64]:
    fitted = fit_pipeline(settings, train, calibrated=False)
    return raw_output(fitted.pipeline, fitted.encoder.transform(test))


def raw_output(pipeline: Any, matrix: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Return log-odds if the classifier has them, else the probability of leaving."""
    if hasattr(pipeline, "decision_function"):
        return np.asarray(pipeline.decision_function(matrix), dtype=np.float64)
    return np.asarray(pipeline.predict_proba(matrix)[:, 1], dtype=np.float64)


@dataclass(frozen=True, slots=True)
class CrossValidation:
    """The decisions and measurements of a cross-validation.

    Attributes
    ----------
    calibrated : bool
        Whether the final model gets a sigmoid.
    decision : Decision
        From which probability a customer counts as leaving.
    metrics : dict
        Each metric's ``mean``, ``low`` and ``high`` (95 %).
    fold_log_loss : ndarray of float64, shape (repeats x folds,)
        The log loss in each fold, for comparing models.
    """

    calibrated: bool
    decision: Decision
    metrics: dict[str, dict[str, float]]
    fold_log_loss: npt.NDArray[np.float64]


def judge(settings: Settings, out_of_fold: OutOfFold) -> CrossValidation:
    """Choose calibration and threshold on out-of-fold outputs, and measure the result."""
    labels = out_of_fold.labels
    test_share = 1 / (settings.evaluation.folds - 1)
    calibrated, probabilities = _choose_calibration(settings, out_of_fold, test_share)
    decision = choose_threshold(
        settings.decision, labels, probabilities, out_of_fold.fold, settings.data.random_state
    )
    measured = [
        evaluate(labels[mask], probabilities[repeat, mask], decision.threshold)
        for repeat, mask in out_of_fold.each_fold()
    ]
    return CrossValidation(
        calibrated,
        decision,
        {
            name: fold_interval(name, np.array([m[name] for m in measured]), test_share)
            for name in measured[0]
        },
        np.array([m["log_loss"] for m in measured]),
    )


def _choose_calibration(
    settings: Settings, out_of_fold: OutOfFold, test_share: float
) -> tuple[bool, Probabilities]:
    """Decide whether a sigmoid is added; return the decision and the probabilities that follow from it."""
    calibrated = _cross_fitted_sigmoid(out_of_fold)
    if FAMILIES[settings.model.type].always_calibrated or settings.model.calibration == "sigmoid":
        return True, calibrated
    plain: Probabilities = expit(out_of_fold.raw)
    if settings.model.calibration == "auto":
        gain = out_of_fold.fold_log_losses(plain) - out_of_fold.fold_log_losses(calibrated)
        # A gain below its own standard error may be chance.
        if gain.mean() > corrected_error(gain, test_share):
            return True, calibrated
    return False, plain


def _cross_fitted_sigmoid(out_of_fold: OutOfFold) -> Probabilities:
    """Calibrate each fold with a sigmoid that was fitted on the other folds' outputs."""
    probabilities = np.empty_like(out_of_fold.raw)
    for repeat, held_out in out_of_fold.each_fold():
        raw = out_of_fold.raw[repeat]
        sigmoid = LogisticRegression(C=np.inf).fit(raw[~held_out, None], out_of_fold.labels[~held_out])
        probabilities[repeat, held_out] = sigmoid.predict_proba(raw[held_out, None])[:, 1]
    return probabilities
