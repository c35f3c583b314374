"""A trained churn model as scikit-learn knows it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.pipeline import Pipeline

from churn_core.features import TableEncoder, parse_table
from churn_core.models.evaluation.metrics import evaluate, rounded
from churn_core.scoring.scores import round_probability

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    from churn_core.config import Settings
    from churn_core.models.evaluation.selection import Choice
    from churn_core.models.evaluation.threshold import Decision
    from churn_core.schema import Contract


@dataclass(frozen=True, slots=True)
class ChurnModel:
    """A fitted pipeline, its data contract, its decision threshold and how good it is.

    Attributes
    ----------
    settings : Settings
        What it was trained with; ``model`` is the family and the parameters that were chosen.
    encoder : TableEncoder
        Fitted: raw rows to the encoded matrix.
    pipeline : Pipeline
        Fitted: the encoded matrix to probabilities.
    decision : Decision
        From which probability a customer counts as leaving, and what that is expected to bring.
    calibrated : bool
        Whether a sigmoid follows the estimator's raw output.
    cv, holdout : dict
        Cross-validated metrics with intervals, and metrics on the rows held out.
    rows : dict
        ``training`` and ``holdout`` row counts.
    choices : dict of Choice
        What was compared by cross-validation and what was taken: ``families``, ``pairs``.
    training_matrix : ndarray of float32, shape (training rows, features)
        The encoded training rows; contributions are centred on them.
    holdout_labels : ndarray of int64, shape (holdout rows,)
        1 for a customer who left.
    holdout_probabilities : ndarray of float64, shape (holdout rows,)
    """

    settings: Settings
    encoder: TableEncoder
    pipeline: Pipeline
    decision: Decision
    calibrated: bool
    cv: dict[str, dict[str, float]]
    holdout: dict[str, float]
    rows: dict[str, int]
    choices: dict[str, Choice]
    training_matrix: npt.NDArray[np.float32] = field(repr=False)
    holdout_labels: npt.NDArray[np.int64] = field(repr=False)
    holdout_probabilities: npt.NDArray[np.float64] = field(repr=False)

    @property
    def threshold(self) -> float:
        """From which probability a customer counts as leaving."""
        return self.decision.threshold

    @property
    def contract(self) -> Contract:
        """The data contract with the vocabularies learnt from the training rows."""
        return self.encoder.contract_

    @property
    def classifier(self) -> Any:
        """The fitted classifier at the end of the pipeline, with its calibration if it has one."""
        return self.pipeline.named_steps["classify"]

    @property
    def estimator(self) -> Any:
        """The fitted estimator below the calibration."""
        return self.classifier.calibrated_classifiers_[0].estimator if self.calibrated else self.classifier

    @property
    def whole_pipeline(self) -> Pipeline:
        """One scikit-learn pipeline from parsed tables to probabilities."""
        return Pipeline([("encode", self.encoder), *self.pipeline.steps])

    def at_threshold(self, threshold: float) -> ChurnModel:
        """Return the same model with another threshold, and the holdout measured at that one."""
        measured = evaluate(self.holdout_labels, round_probability(self.holdout_probabilities), threshold)
        return replace(self, decision=self.decision.moved_to(threshold), holdout=rounded(measured))

    def predict_proba(self, table: pd.DataFrame) -> npt.NDArray[np.float64]:
        """Return scikit-learn's probability of leaving.

        Parameters
        ----------
        table : DataFrame
            Raw rows that keep the data contract.

        Returns
        -------
        ndarray of float64, shape (rows,)
        """
        return self.predict_parsed(parse_table(table, self.contract))

    def predict_parsed(self, parsed: pd.DataFrame) -> npt.NDArray[np.float64]:
        """As `predict_proba`, for rows that `churn_core.features.parse_table` has parsed."""
        probabilities = self.pipeline.predict_proba(self.encoder.transform(parsed))
        return np.asarray(probabilities[:, 1], dtype=np.float64)
