"""Measure a bundle on labelled data, with the same scores as in production."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from churn_core.data import validate_data
from churn_core.data.columns import target_labels
from churn_core.features import encode_table
from churn_core.models.evaluation.doubts import doubt_evaluation
from churn_core.models.evaluation.metrics import evaluate, rounded
from churn_core.models.evaluation.threshold_review import review_threshold
from churn_core.models.rows import labelled_positions
from churn_core.scoring.drift.counter import DriftCounter
from churn_core.scoring.drift.profile import TrainingProfile
from churn_core.scoring.drift.training_table import is_training_table

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    from churn_core.scoring.bundle import Bundle
    from churn_core.scoring.predictor import ChurnPredictor


def evaluate_bundle(predictor: ChurnPredictor, table: pd.DataFrame) -> dict[str, Any]:
    """Score a labelled table with a bundle and measure the scores.

    Parameters
    ----------
    predictor : ChurnPredictor
    table : DataFrame
        Labelled rows that conform to the bundle's data contract.

    Returns
    -------
    dict
        ``model_version``, ``rows``, ``excluded`` (rows set aside by their label), ``training_table``
        (whether the model was trained on these rows), ``threshold``, ``currency``,
        ``metrics`` (as `churn_core.models.evaluation.metrics.evaluate`), ``decision`` (as
        `churn_core.models.evaluation.threshold_review.Review`), ``doubts`` (as
        `churn_core.models.evaluation.doubts.Doubt`).

    Raises
    ------
    DataValidationError
        If the table breaks the contract.
    """
    contract, bundle, whole = predictor.contract, predictor.bundle, len(table)
    data = bundle.manifest["settings"]["data"]
    # Bundles of earlier versions have no group.
    ids_repeat = data.get("group") is not None and data["group"] == contract.id_column
    validate_data(table, contract, ids_repeat=ids_repeat).raise_for_errors()
    table = table.iloc[labelled_positions(table, contract)]
    labels = target_labels(table[contract.target], contract)
    encoded = encode_table(table, contract)
    scores = predictor.score_matrix(encoded)
    threshold = bundle.threshold
    recorded = bundle.manifest["decision"]
    review = review_threshold(
        threshold,
        recorded["method"],
        bundle.money,
        # Bundles of earlier versions have no share.
        recorded.get("share"),
        labels,
        scores.probability,
        data["random_state"],
    )
    metrics = rounded(evaluate(labels, scores.probability, threshold))
    return {
        "model_version": bundle.model_version,
        "rows": len(table),
        "excluded": whole - len(table),
        "training_table": _is_training_table(bundle, encoded),
        "threshold": threshold,
        "currency": None if bundle.money is None else bundle.money.currency,
        "metrics": metrics,
        "decision": review.to_dict(),
        "doubts": [doubt.to_dict() for doubt in doubt_evaluation(metrics["roc_auc"], labels)],
    }


def _is_training_table(bundle: Bundle, encoded: npt.NDArray[np.float32]) -> bool:
    profile = TrainingProfile.from_bundle(bundle)
    if profile is None:
        return False
    counter = DriftCounter(bundle.contract, profile, bundle.threshold)
    return is_training_table(bundle, counter.count(encoded.T, np.zeros(len(encoded))))
