"""What ``GET /model/info`` tells of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from churn_core.schema import MAX_TEXT_LENGTH, CategoryFeature, NumberFeature
from churn_core.scoring.drift.profile import TrainingProfile
from functions.score.limits import MAX_BODY_BYTES, MAX_CUSTOMERS, MAX_JSON_DEPTH, MAX_NUMBER_LENGTH

if TYPE_CHECKING:
    from churn_core.schema import Feature
    from churn_core.scoring.bundle import Bundle
    from churn_core.scoring.drift.profile import ColumnProfile


def model_info(bundle: Bundle) -> dict[str, Any]:
    """Describe a model: its name and version, its columns, what it decides by, how good it measured.

    Returns
    -------
    dict
        ``name``, ``model_version``, ``model_digest``, ``created``, ``sample`` (trained on made-up
        customers), ``family``, ``threshold``,
        ``risk_bands``, ``intercept`` (log-odds to which contributions are added), ``id_column``,
        ``features`` (with a ``typical`` value each, of the training table), ``metrics``, ``limits``.
    """
    manifest = bundle.manifest
    typical = typical_customer(bundle)
    return {
        "name": manifest["name"],
        "model_version": bundle.model_version,
        "model_digest": bundle.model_digest,
        "created": manifest["created"],
        "sample": bundle.sample,
        "family": manifest["family"],
        "threshold": bundle.threshold,
        "risk_bands": bundle.risk_bands,
        "intercept": manifest["reasons"]["intercept"],
        "id_column": bundle.contract.id_column,
        "features": [_feature(feature, typical[feature.name]) for feature in bundle.contract.features],
        "metrics": manifest["metrics"],
        "limits": {
            "body_bytes": MAX_BODY_BYTES,
            "customers": MAX_CUSTOMERS,
            "json_depth": MAX_JSON_DEPTH,
            "text_characters": MAX_TEXT_LENGTH,
            "number_characters": MAX_NUMBER_LENGTH,
        },
    }


def typical_customer(bundle: Bundle) -> dict[str, str | float | None]:
    """Return a customer that never was: each column's middle or most frequent value in training.

    Parameters
    ----------
    bundle : Bundle
        Without a training profile a number has its minimum and a category its first value.
    """
    features = bundle.contract.features
    profile = TrainingProfile.from_bundle(bundle)
    columns = profile.columns if profile else (None,) * len(features)
    return {
        feature.name: _typical_number(feature, column)
        if isinstance(feature, NumberFeature)
        else _typical_category(feature, column)
        for feature, column in zip(features, columns, strict=True)
    }


def _typical_number(feature: NumberFeature, profile: ColumnProfile | None) -> float | None:
    if profile is None or not profile.edges:
        return int(feature.minimum) if feature.integer else feature.minimum
    rows_below = np.cumsum(profile.counts[:-1])
    middle = int(np.argmin(np.abs(rows_below[1:-2] - rows_below[-1] / 2)))
    # Edges are float32: its shortest decimal form is what the table had.
    value = float(str(np.float32(profile.edges[middle])))
    return round(value) if feature.integer else value


def _typical_category(feature: CategoryFeature, profile: ColumnProfile | None) -> str | None:
    if not feature.vocabulary:
        return None
    counts = profile.counts[: len(feature.vocabulary)] if profile else (1,)
    return feature.vocabulary[int(np.argmax(counts))]


def _feature(feature: Feature, typical: str | float | None) -> dict[str, Any]:
    if isinstance(feature, NumberFeature):
        return {
            "name": feature.name,
            "kind": "number",
            "minimum": feature.minimum,
            "maximum": feature.maximum,
            "integer": feature.integer,
            "nullable": feature.nullable,
            "stored_as_text": feature.stored_as_text,
            "typical": typical,
        }
    return {
        "name": feature.name,
        "kind": "category",
        "values": list(feature.vocabulary),
        "nullable": feature.nullable,
        "typical": typical,
    }
