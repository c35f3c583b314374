"""A trained churn model in scikit-learn's form."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.pipeline import Pipeline

from churn_core.features import TableEncoder, parse_table
from churn_core.models.evaluation.metrics import evaluate, rounded
from churn_core.scoring.risk_bands import risk_bands
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
    """A fitted pipeline with its data contract, decision threshold and metrics.

    Attributes
    ----------
    settings : Settings
        The training settings; ``model`` holds the chosen family and parameters.
    encoder : TableEncoder
        Fitted: raw rows to the encoded matrix.
    pipeline : Pipeline
        Fitted: the encoded matrix to probabilities.
    decision : Decision
        The threshold, and the expected result of contacting customers from it on.
    calibrated : bool
        Whether a sigmoid follows the estimator's raw output.
    cv, holdout : dict
        Cross-validated metrics with intervals, and metrics on the rows held out.
    rows : dict
        ``training`` and ``holdout`` row counts.
    choices : dict of Choice
        What cross-validation compared and chose: ``families``, ``pairs``.
    training_matrix : ndarray of float32, shape (training rows, features)
        The encoded training rows; contributions are centred on them.
    training_labels : ndarray of int64, shape (training rows,)
        1 for a customer who left.
    holdout_positions : ndarray of int64, shape (holdout rows,)
        Row numbers of the holdout in the training table.
    holdout_labels : ndarray of int64, shape (holdout rows,)
        1 for a customer who left.
    holdout_probabilities : ndarray of float64, shape (holdout rows,)
    cv_grouped : dict or None
        The cross-validated metrics with equal rows kept together, where rows repeat.
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
    training_labels: npt.NDArray[np.int64] = field(repr=False)
    holdout_positions: npt.NDArray[np.int64] = field(repr=False)
    holdout_labels: npt.NDArray[np.int64] = field(repr=False)
    holdout_probabilities: npt.NDArray[np.float64] = field(repr=False)
    cv_grouped: dict[str, dict[str, float]] | None = None

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """The labels of the training rows, then those of the holdout."""
        return np.concatenate([self.training_labels, self.holdout_labels])

    @property
    def threshold(self) -> float:
        """A customer counts as leaving from this probability on."""
        return self.decision.threshold

    @property
    def risk_bands(self) -> dict[str, float]:
        """The lowest scores of ``medium`` and ``high`` risk."""
        declared = self.settings.decision.risk_bands
        return risk_bands(self.threshold, declared.medium, declared.high)

    @property
    def contract(self) -> Contract:
        """The data contract, with the vocabularies of the training rows."""
        return self.encoder.contract_

    @property
    def classifier(self) -> Any:
        """The fitted classifier at the end of the pipeline, including any calibration."""
        return self.pipeline.named_steps["classify"]

    @property
    def estimator(self) -> Any:
        """The fitted estimator without the calibration."""
        return self.classifier.calibrated_classifiers_[0].estimator if self.calibrated else self.classifier

    @property
    def whole_pipeline(self) -> Pipeline:
        """One scikit-learn pipeline from parsed tables to probabilities."""
        return Pipeline([("encode", self.encoder), *self.pipeline.steps])

    def at_threshold(self, threshold: float) -> ChurnModel:
        """Return the model with another threshold and the holdout metrics at that threshold."""
        measured = evaluate(self.holdout_labels, round_probability(self.holdout_probabilities), threshold)
        return replace(self, decision=replace(self.decision, threshold=threshold), holdout=rounded(measured))

    def encode(self, table: pd.DataFrame) -> npt.NDArray[np.float32]:
        """Parse and encode raw rows; float32 of shape (rows, features)."""
        return self.encoder.transform(parse_table(table, self.contract))

    def predict_proba(self, table: pd.DataFrame) -> npt.NDArray[np.float64]:
        """Return scikit-learn's probability that each customer leaves.

        Parameters
        ----------
        table : DataFrame
            Raw rows that conform to the data contract.

        Returns
        -------
        ndarray of float64, shape (rows,)
        """
        return self.predict_parsed(parse_table(table, self.contract))

    def predict_parsed(self, parsed: pd.DataFrame) -> npt.NDArray[np.float64]:
        """Return the same for rows that `churn_core.features.parse_table` has parsed."""
        probabilities = self.pipeline.predict_proba(self.encoder.transform(parsed))
        return np.asarray(probabilities[:, 1], dtype=np.float64)
