"""What a report says about the data contract: the columns, never a customer's value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from churn_core.reports.page import Markup, element, join, paragraph, table
from churn_core.schema import CategoryFeature

if TYPE_CHECKING:
    from churn_core.schema import Contract, DerivedFeature, Feature


def contract_section(contract: Contract) -> Markup:
    """Describe what the model is given.

    Parameters
    ----------
    contract : Contract
        With the vocabularies learnt at training.
    """
    parts = [
        element("h2", "What the model is given"),
        table(
            "Columns of a row",
            ("Column", "Kind", "Allowed", "May be missing"),
            [(f.name, *_kind_and_range(f), "yes" if f.nullable else "no") for f in contract.features],
        ),
        paragraph(
            f"“{contract.target}” says who left"
            + (f", “{contract.id_column}” names the customer" if contract.id_column else "")
            + ". Neither is used for a score. A category’s new value is scored as unknown."
        ),
    ]
    if contract.derived:
        computed = [(d.name, _formula(d)) for d in contract.derived]
        parts.append(table("Computed from these columns by the model", ("Feature", "Computed as"), computed))
    return join(parts)


def _kind_and_range(feature: Feature) -> tuple[str, str]:
    if isinstance(feature, CategoryFeature):
        known = f"{len(feature.vocabulary):,} known values"
        if feature.max_levels is not None and feature.max_levels < len(feature.vocabulary):
            known += f", the {feature.max_levels:,} most frequent told apart"
        return "category", known
    kind = "whole number" if feature.integer else "number"
    return kind, f"{feature.minimum:,.10g} to {feature.maximum:,.10g}"


def _formula(derived: DerivedFeature) -> str:
    columns = derived.columns
    match derived.kind:
        case "ratio":
            return " / ".join(columns)
        case "difference":
            return " − ".join(columns)
        case "sum":
            return " + ".join(columns)
        case "count":
            return f"how many of {', '.join(columns)} have a certain value"
        case "bucket":
            return f"{columns[0]} in {len(derived.edges) + 1} intervals"
