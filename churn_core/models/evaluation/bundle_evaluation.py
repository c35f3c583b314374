"""Measure a bundle on labelled data, with the same scores as in production."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from churn_core.data import validate_data
from churn_core.data.columns import target_labels
from churn_core.features import encode_table
from churn_core.models.evaluation.metrics import evaluate, rounded
from churn_core.models.evaluation.threshold_review import review_threshold

if TYPE_CHECKING:
    import pandas as pd

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
        ``model_version``, ``rows``, ``threshold``, ``metrics`` (as
        `churn_core.models.evaluation.metrics.evaluate`), ``decision`` (as
        `churn_core.models.evaluation.threshold_review.Review`).

    Raises
    ------
    DataValidationError
        If the table breaks the contract.
    """
    contract, bundle = predictor.contract, predictor.bundle
    data = bundle.manifest["settings"]["data"]
    # Bundles of earlier versions have no group.
    ids_repeat = data.get("group") is not None and data["group"] == contract.id_column
    validate_data(table, contract, ids_repeat=ids_repeat).raise_for_errors()
    labels = target_labels(table[contract.target], contract)
    scores = predictor.score_matrix(encode_table(table, contract))
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
    return {
        "model_version": bundle.model_version,
        "rows": len(table),
        "threshold": threshold,
        "metrics": rounded(evaluate(labels, scores.probability, threshold)),
        "decision": review.to_dict(),
    }
