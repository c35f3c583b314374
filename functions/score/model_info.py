"""The answer of ``GET /model/info``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from churn_core.schema import MAX_TEXT_LENGTH, CategoryFeature, NumberFeature
from churn_core.scoring.drift.profile import TrainingProfile
from churn_core.scoring.records.strict_json import MAX_JSON_DEPTH, MAX_NUMBER_LENGTH
from functions.score.limits import MAX_BODY_BYTES, MAX_CUSTOMERS

if TYPE_CHECKING:
    from churn_core.schema import Feature
    from churn_core.scoring.bundle import Bundle
    from churn_core.scoring.drift.profile import ColumnProfile


def model_info(bundle: Bundle) -> dict[str, Any]:
    """Describe a model: name and version, columns, threshold, risk bands and measured quality.

    Returns
    -------
    dict
        Ready for JSON. ``sample``: whether a build trained the model because it was given none.
        ``intercept``: log-odds to which the contributions are added. ``features``: each with a ``typical``
        value of the training table.
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
    """Return a made-up customer: each column's middle or most frequent value in training.

    Parameters
    ----------
    bundle : Bundle
        Without a training profile, numbers have their minimum, and categories their first value.
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
    # Edges are float32; the shortest decimal text of a float32 is the number in the table.
    value = float(str(np.float32(profile.edges[middle])))
    return round(value) if feature.integer else value


def _typical_category(feature: CategoryFeature, profile: ColumnProfile | None) -> str | None:
    if not feature.vocabulary:
        return None
    counts = profile.counts[: len(feature.vocabulary)] if profile else (1,)
    return feature.vocabulary[int(np.argmax(counts))]


def _feature(feature: Feature, typical: str | float | None) -> dict[str, Any]:
    common = {"name": feature.name, "nullable": feature.nullable, "typical": typical}
    if isinstance(feature, CategoryFeature):
        return common | {"kind": "category", "values": list(feature.vocabulary)}
    return common | {
        "kind": "number",
        "minimum": feature.minimum,
        "maximum": feature.maximum,
        "integer": feature.integer,
        "stored_as_text": feature.stored_as_text,
    }
