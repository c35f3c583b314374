"""The text of a configuration: every column in the table's order, with comments that give reasons."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any, Final

import yaml

from churn_core.data.inspection.messages import LEFT_OUT
from churn_core.data.inspection.ranges import RULE

if TYPE_CHECKING:
    from churn_core.data.inspection.inspect import Inspection, PlannedColumn

_WIDTH: Final = 98
_LONGEST_KEY: Final = 1_000
"""YAML allows a longer key only after a question mark."""


def config_text(inspection: Inspection, source: str) -> str:
    """Write the configuration of an inspected table.

    Parameters
    ----------
    inspection : Inspection
    source : str
        The name of the table's file.

    Returns
    -------
    str
        YAML for `churn_core.config.load_config`. Column names may hold any character.
    """
    target = inspection.target
    lines = [
        f"# Written by churn init for {scalar(source)}:"
        f" {inspection.rows:,} rows, {len(inspection.columns):,} columns.",
        "# Check how each column is declared and which columns are left out. Then train with this file.",
        "",
        "data:",
        *_id_lines(inspection),
        *_group_lines(inspection),
        "  target:",
        f"    column: {scalar(target.column)}",
        f"    # {_positive_reason(inspection)}",
        f"    positive: {scalar(target.positive)}",
        f"    negative: {scalar(target.negative)}",
        *(f"  # {line}" for line in textwrap.wrap(RULE, _WIDTH)),
        "  # Only columns marked nullable may have missing values.",
        "  features:",
    ]
    for column in inspection.columns:
        lines += _column_lines(column)
    return "\n".join([*lines, ""])


def scalar(text: str) -> str:
    """Write text as one line of YAML that is read back as the same text."""
    plain = str(yaml.safe_dump(text, allow_unicode=True, width=float("inf")))
    plain = plain.removesuffix("\n").removesuffix("\n...")
    if "\n" in plain or not plain.isprintable():
        return str(
            yaml.safe_dump(text, allow_unicode=False, width=float("inf"), default_style='"')
        ).removesuffix("\n")
    return plain


def _id_lines(inspection: Inspection) -> list[str]:
    if inspection.id_column is not None:
        return [
            "  # Identifies the customer in scored files. It is not a feature.",
            f"  id: {scalar(inspection.id_column)}",
        ]
    return [
        "  # No column identifies a customer. Scored files identify customers by row number.",
        "  # id: ...",
    ]


def _group_lines(inspection: Inspection) -> list[str]:
    if inspection.group_column is not None:
        return [
            "  # Rows of one group stay together in every split. So no model is tested on customers that it",
            "  # was trained on.",
            f"  group: {scalar(inspection.group_column)}",
        ]
    if inspection.group_offered is not None:
        return [
            "  # If rows with the same value of this column belong together, uncomment the next line.",
            f"  # group: {scalar(inspection.group_offered)}",
        ]
    return []


def _positive_reason(inspection: Inspection) -> str:
    target = inspection.target
    how = {
        "option": "The label of customers who left, as given by --positive",
        "word": "The label of customers who left, recognised by its name",
        "rarity": "The rarer label, assumed to be that of customers who left (change it with --positive)",
    }
    return f"{how[target.chosen_by]}: {target.share:.1%} of the rows."


def _column_lines(column: PlannedColumn) -> list[str]:
    if column.role == "left_out":
        return [f"    # left out: {scalar(column.name)}, which {LEFT_OUT[str(column.reason)][0]}"]
    if column.role != "feature":
        return []
    spec = _flow(column.spec)
    notes = [f"    # {line}" for note in column.notes for line in textwrap.wrap(note, _WIDTH)]
    key = scalar(column.name)
    if len(key) > _LONGEST_KEY:
        return [*notes, f"    ? {key}", f"    : {spec}"]
    return [*notes, f"    {key}: {spec}"]


def _flow(spec: dict[str, Any]) -> str:
    flow = yaml.safe_dump(
        spec, default_flow_style=True, allow_unicode=True, width=float("inf"), sort_keys=False
    )
    return str(flow).removesuffix("\n")
