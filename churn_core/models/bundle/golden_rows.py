"""Golden rows: artificial customers whose scores every reader of a bundle verifies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from churn_core.models.export.gate_rows import random_rows, unknown_text
from churn_core.schema import CategoryFeature, NumberFeature

if TYPE_CHECKING:
    from churn_core.schema import Contract, Feature

COUNT: Final = 16


def golden_records(contract: Contract, seed: int) -> list[dict[str, Any]]:
    """Draw random records from the data contract's domain; no customer's data is used.

    Nullable values are missing in every fourth record. Each of the last records has one unknown category.
    """
    generator = np.random.default_rng(seed)
    matrix = random_rows(contract, COUNT, generator)
    records = [
        {
            feature.name: _value(feature, row[position], may_be_missing=number % 4 == 0)
            for position, feature in enumerate(contract.features)
        }
        for number, row in enumerate(matrix)
    ]
    for feature, record in zip(contract.categories, reversed(records), strict=False):
        record[feature.name] = unknown_text(feature)
    return records


def _value(feature: Feature, code: np.float32, *, may_be_missing: bool) -> str | float | int | None:
    if feature.nullable and may_be_missing:
        return None
    if isinstance(feature, CategoryFeature):
        return feature.vocabulary[int(code) % len(feature.vocabulary)]
    return _number(feature, feature.minimum if np.isnan(code) else float(code))


def _number(feature: NumberFeature, value: float) -> float | int:
    clipped = min(max(value, feature.minimum), feature.maximum)
    return int(clipped) if feature.integer else clipped
