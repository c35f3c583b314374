"""The configuration as people read it: every column in the table's order, and why it is what it is."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any, Final

import yaml

from churn_core.data.inspection.kinds import LEFT_OUT
from churn_core.data.inspection.ranges import RULE

if TYPE_CHECKING:
    from churn_core.data.inspection.inspect import Inspection, PlannedColumn

_WIDTH: Final = 98
_LONGEST_KEY: Final = 1_000
"""YAML reads a longer key only where a question mark announces it."""

_OTHER_REASONS: Final = {
    "target_copy": "it gives the target away: it can't have been known before the customer left",
    "group": "it is data.group",
}


def config_text(inspection: Inspection, source: str) -> str:
    """Write the configuration of an inspected table.

    Parameters
    ----------
    inspection : Inspection
    source : str
        The table's file, for the heading.

    Returns
    -------
    str
        YAML that `churn_core.config.load_config` reads, whatever the columns are called.
    """
    target = inspection.target
    lines = [
        f"# Written by churn init for {scalar(source)}:"
        f" {inspection.rows:,} rows, {len(inspection.columns):,} columns.",
        "# Check what each column is taken for and what is left out, then train with it.",
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
        "  # A column that had no missing value may have none; one that may is marked nullable.",
        "  features:",
    ]
    for column in inspection.columns:
        lines += _column_lines(column)
    return "\n".join([*lines, ""])


def scalar(text: str) -> str:
    """Write text as one line of YAML that is read as that very text."""
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
            "  # Names the customer in scored files; never a feature.",
            f"  id: {scalar(inspection.id_column)}",
        ]
    return [
        "  # No column names a customer once and for all; scored files have the row numbers.",
        "  # id: ...",
    ]


def _group_lines(inspection: Inspection) -> list[str]:
    if inspection.group_column is not None:
        return [
            "  # Rows of one group stay on one side of every split, so that no model is tested on customers",
            "  # that it knows.",
            f"  group: {scalar(inspection.group_column)}",
        ]
    if inspection.group_offered is not None:
        return [
            "  # Should rows with one value of this column be held out together? Then take the mark away.",
            f"  # group: {scalar(inspection.group_offered)}",
        ]
    return []


def _positive_reason(inspection: Inspection) -> str:
    target = inspection.target
    how = {
        "option": "As you said, this is the label of those who left",
        "word": "By its name, this is the label of those who left",
        "rarity": "The rarer label, taken for that of those who left (else: --positive)",
    }
    return f"{how[target.chosen_by]}: {target.share:.1%} of the rows."


def _column_lines(column: PlannedColumn) -> list[str]:
    if column.role == "left_out":
        # A reason's last words, how to mend it, are in the findings; here it is why.
        reason = str(column.reason)
        why = LEFT_OUT.get(reason, _OTHER_REASONS.get(reason, "")).partition(";")[0]
        return [f"    # left out: {scalar(column.name)}, {_joined(reason, why)}"]
    if column.role != "feature":
        return []
    spec = _flow(column.spec)
    notes = [f"    # {line}" for note in column.notes for line in textwrap.wrap(note, _WIDTH)]
    key = scalar(column.name)
    if len(key) > _LONGEST_KEY:
        return [*notes, f"    ? {key}", f"    : {spec}"]
    return [*notes, f"    {key}: {spec}"]


def _joined(reason: str, why: str) -> str:
    return f"which {why}" if reason in LEFT_OUT else f"since {why}"


def _flow(spec: dict[str, Any]) -> str:
    flow = yaml.safe_dump(
        spec, default_flow_style=True, allow_unicode=True, width=float("inf"), sort_keys=False
    )
    return str(flow).removesuffix("\n")
