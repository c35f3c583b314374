"""The answer of ``GET /model/info``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from churn_core.schema import LARGEST_FLOAT32, MAX_TEXT_LENGTH, CategoryFeature, NumberFeature
from churn_core.scoring.day_numbers import FIRST_DAY, LAST_DAY, parse_fixed_day, write_date
from churn_core.scoring.drift.profile import TrainingProfile
from churn_core.scoring.records.strict_json import MAX_JSON_DEPTH, MAX_NUMBER_LENGTH
from functions.score.limits import MAX_BODY_BYTES, MAX_CUSTOMERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from churn_core.schema import Contract, DaysBetween, Feature
    from churn_core.scoring.bundle import Bundle
    from churn_core.scoring.drift.profile import ColumnProfile

_TYPICAL_DAY: Final = parse_fixed_day("2026-01-01")


def model_info(bundle: Bundle) -> dict[str, Any]:
    """Describe a model: name and version, columns, threshold, risk bands and measured quality.

    Returns
    -------
    dict
        Ready for JSON. ``sample``: whether a build trained the model because it was given none.
        ``intercept``: log-odds to which the contributions are added. ``features``: the columns of a request,
        each with its ``label`` and ``help`` and a ``typical`` value of the training table.
        ``days_between``: the features that are computed
        from columns of the kind ``date``.
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
        "currency": None if bundle.money is None else bundle.money.currency,
        "intercept": manifest["reasons"]["intercept"],
        "id_column": bundle.contract.id_column,
        "features": _columns(bundle.contract, typical),
        "days_between": [
            {"name": feature.name, "from": feature.days.start, "to": feature.days.end}
            for feature in bundle.contract.numbers
            if feature.days is not None
        ],
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

    A date is as long before `_TYPICAL_DAY`, or a fixed day, as is typical.

    Parameters
    ----------
    bundle : Bundle
        Without a training profile, numbers have the low end of their range, and categories their first value.
    """
    features = bundle.contract.features
    profile = TrainingProfile.from_bundle(bundle)
    columns = profile.columns if profile else (None,) * len(features)
    customer: dict[str, str | float | None] = {}
    for feature, column in zip(features, columns, strict=True):
        if isinstance(feature, CategoryFeature):
            customer[feature.name] = _typical_category(feature, column)
        elif feature.days is None:
            customer[feature.name] = _typical_number(feature, column)
        else:
            number = 0 if column is None else _typical_number(feature, column)
            customer = _typical_dates(feature.days, int(number or 0), bundle.contract) | customer
    return {name: customer[name] for name in bundle.contract.columns}


def _typical_dates(days: DaysBetween, number: int, contract: Contract) -> dict[str, str | float | None]:
    end = parse_fixed_day(days.end) if days.end_is_day else _TYPICAL_DAY
    dates = {days.start: min(max(end - number, FIRST_DAY), LAST_DAY)}
    if not days.end_is_day:
        dates[days.end] = end
    return {name: write_date(day, contract.reader.text.date_format(name)) for name, day in dates.items()}


def _typical_number(feature: NumberFeature, profile: ColumnProfile | None) -> float | None:
    if profile is None or not profile.edges:
        return int(feature.usual_value) if feature.integer else feature.usual_value
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


def _columns(contract: Contract, typical: Mapping[str, str | float | None]) -> list[dict[str, Any]]:
    """Describe each column of a request."""
    dates = {
        name: {
            "name": name,
            "label": name,
            "help": None,
            "nullable": contract.may_be_missing(name),
            "typical": typical[name],
            "kind": "date",
            "format": contract.reader.text.date_format(name) or "YYYY-MM-DD",
        }
        for name in contract.date_columns
    }
    others = {f.name: _feature(f, typical[f.name]) for f in contract.features if f.columns == (f.name,)}
    return [(dates | others)[name] for name in contract.columns]


def _feature(feature: Feature, typical: str | float | None) -> dict[str, Any]:
    common = {
        "name": feature.name,
        "label": feature.label,
        "help": feature.description.help,
        "nullable": feature.accepts_missing,
        "typical": typical,
    }
    if isinstance(feature, CategoryFeature):
        return common | {
            "kind": "category",
            "values": list(feature.vocabulary),
            "boolean": feature.values == "boolean",
        }
    return common | {
        "kind": "number",
        "minimum": feature.minimum if feature.minimum > -LARGEST_FLOAT32 else None,
        "maximum": feature.maximum if feature.maximum < LARGEST_FLOAT32 else None,
        "expected": None if feature.expected is None else list(feature.expected),
        "integer": feature.integer,
        "stored_as_text": feature.stored_as_text,
    }
