"""Repeated stratified cross-validation on the training rows: calibration, threshold and metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from joblib import Parallel, delayed
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from churn_core.features import TableEncoder
from churn_core.models.evaluation.metrics import corrected_error, evaluate, fold_interval
from churn_core.models.evaluation.threshold import choose_threshold
from churn_core.models.families import FAMILIES, build_pipeline
from churn_core.models.splits import cross_validation_folds

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    import pandas as pd

    from churn_core.config import Settings
    from churn_core.models.evaluation.threshold import Decision


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """Raw outputs for rows that the model which gave them had not seen.

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


def predict_out_of_fold(
    settings: Settings,
    parsed: pd.DataFrame,
    labels: npt.NDArray[np.int64],
    *,
    groups: npt.NDArray[np.int64] | None = None,
    jobs: int,
    on_fold: Callable[[int, int], None] | None = None,
) -> OutOfFold:
    """Fit a fresh encoder and pipeline for each fold and predict the rows held out.

    Parameters
    ----------
    settings : Settings
        Folds and repeats, family, seed.
    parsed : DataFrame
        The training rows, as `churn_core.features.parse_table` gives them.
    labels : ndarray of int64, shape (rows,)
    groups : ndarray of int64, shape (rows,), optional
        Rows of one group are held out together.
    jobs : int
        Folds fitted at the same time.
    on_fold : callable, optional
        Told how many folds are done, and of how many.
    """
    folds, repeats = settings.evaluation.folds, settings.evaluation.repeat_count(len(labels))
    splits = cross_validation_folds(
        labels, groups, folds=folds, repeats=repeats, seed=settings.data.random_state
    )
    outputs = Parallel(n_jobs=jobs, return_as="generator")(
        delayed(_raw_output)(settings, parsed.iloc[train], labels[train], parsed.iloc[test])
        for train, test in splits
    )
    raw = np.empty((repeats, len(labels)))
    fold = np.empty((repeats, len(labels)), dtype=np.int64)
    for number, ((_, test), output) in enumerate(zip(splits, outputs, strict=True)):
        if on_fold is not None:
            on_fold(number + 1, len(splits))
        raw[number // folds, test] = output
        fold[number // folds, test] = number % folds
    return OutOfFold(raw, fold, labels)


def _raw_output(
    settings: Settings, train: pd.DataFrame, labels: npt.NDArray[np.int64], test: pd.DataFrame
) -> npt.NDArray[np.float64]:
    encoder = TableEncoder(settings.contract)
    matrix = encoder.fit_transform(train)
    pipeline = build_pipeline(settings.model, encoder.contract_, settings.data.random_state, calibrated=False)
    pipeline.fit(matrix, labels)
    return raw_output(pipeline, encoder.transform(test))


def raw_output(pipeline: Any, matrix: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Return log-odds where the classifier has them, else the probability of leaving."""
    if hasattr(pipeline, "decision_function"):
        return np.asarray(pipeline.decision_function(matrix), dtype=np.float64)
    return np.asarray(pipeline.predict_proba(matrix)[:, 1], dtype=np.float64)


@dataclass(frozen=True, slots=True)
class CrossValidation:
    """What cross-validation decided and measured.

    Attributes
    ----------
    calibrated : bool
        Whether the final model gets a sigmoid.
    decision : Decision
        From which probability a customer counts as leaving.
    metrics : dict
        Each metric's ``mean``, ``low`` and ``high`` (95 %).
    fold_log_loss : ndarray of float64, shape (repeats x folds,)
        The log loss in each fold, to compare models by.
    """

    calibrated: bool
    decision: Decision
    metrics: dict[str, dict[str, float]]
    fold_log_loss: npt.NDArray[np.float64]


def judge(settings: Settings, out_of_fold: OutOfFold) -> CrossValidation:
    """Choose calibration and threshold on out-of-fold outputs, and measure with them."""
    folds = out_of_fold.each_fold()
    labels = out_of_fold.labels
    test_share = 1 / (settings.evaluation.folds - 1)
    calibrated_probabilities = _cross_fitted_sigmoid(out_of_fold)
    calibrated = FAMILIES[settings.model.type].always_calibrated or settings.model.calibration == "sigmoid"
    if calibrated:
        probabilities = calibrated_probabilities
    else:
        probabilities = expit(out_of_fold.raw)
        if settings.model.calibration == "auto":
            gain = np.array(
                [
                    log_loss(labels[mask], probabilities[repeat, mask])
                    - log_loss(labels[mask], calibrated_probabilities[repeat, mask])
                    for repeat, mask in folds
                ]
            )
            # A sigmoid helps only if it gains more than the gain's own standard error.
            calibrated = bool(gain.mean() > corrected_error(gain, test_share))
            probabilities = calibrated_probabilities if calibrated else probabilities
    decision = choose_threshold(
        settings.decision, labels, probabilities, out_of_fold.fold, settings.data.random_state
    )
    measured = [
        evaluate(labels[mask], probabilities[repeat, mask], decision.threshold) for repeat, mask in folds
    ]
    return CrossValidation(
        calibrated,
        decision,
        {name: fold_interval(np.array([m[name] for m in measured]), test_share) for name in measured[0]},
        np.array([m["log_loss"] for m in measured]),
    )


def _cross_fitted_sigmoid(out_of_fold: OutOfFold) -> npt.NDArray[np.float64]:
    """Calibrate each fold by a sigmoid that was fitted on the other folds' outputs."""
    probabilities = np.empty_like(out_of_fold.raw)
    for repeat, held_out in out_of_fold.each_fold():
        raw = out_of_fold.raw[repeat]
        sigmoid = LogisticRegression(C=np.inf).fit(raw[~held_out, None], out_of_fold.labels[~held_out])
        probabilities[repeat, held_out] = sigmoid.predict_proba(raw[held_out, None])[:, 1]
    return probabilities


def log_loss(labels: npt.NDArray[np.int64], probabilities: npt.NDArray[np.float64]) -> float:
    """Return the mean negative log-likelihood in nats."""
    likelihood = np.where(labels == 1, probabilities, 1 - probabilities)
    return float(-np.log(np.clip(likelihood, 1e-15, 1)).mean())
