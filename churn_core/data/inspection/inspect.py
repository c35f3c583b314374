"""Inspection of a table: the role of each column, and what would spoil a model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from churn_core.data.findings import Finding, column_finding, find_in_rows
from churn_core.data.inspection.column import read_column
from churn_core.data.inspection.keys import find_group, find_id
from churn_core.data.inspection.kinds import Kind, decide_kind
from churn_core.data.inspection.labels import Target, read_target
from churn_core.data.inspection.leaks import drawn_rows, find_leak
from churn_core.data.inspection.messages import MESSAGES, left_out_message
from churn_core.data.inspection.names import find_name
from churn_core.data.inspection.table_findings import (
    order_findings,
    replica_findings,
    warning,
)
from churn_core.errors import DataError
from churn_core.schema import alike_key, alike_names
from churn_core.scoring.files.output_columns import RESERVED_NAMES

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from churn_core.data.inspection.column import Column

Role = Literal["feature", "id", "group", "target", "left_out"]


@dataclass(frozen=True, slots=True)
class PlannedColumn:
    """A column of the table and its role in the configuration.

    Attributes
    ----------
    name : str
    role : 'feature', 'id', 'group', 'target' or 'left_out'
    spec : dict
        A feature's declaration in config.yaml.
    reason : str or None
        The rule by which the column is left out.
    notes : tuple of str
        Comments for config.yaml.
    """

    name: str
    role: Role
    spec: dict[str, Any]
    reason: str | None = None
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the column as plain JSON types."""
        return {
            "name": self.name,
            "role": self.role,
            "spec": self.spec,
            "reason": self.reason,
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True)
class Inspection:
    """The result of an inspection.

    Attributes
    ----------
    rows : int
    target : Target
    id_column, group_column : str or None
        As config.yaml will have them.
    group_offered : str or None
        A column that looks like a key shared by several customers, such as a household.
    columns : tuple of PlannedColumn
        All columns, in the table's order.
    findings : tuple of Finding
        What would spoil a model, and decisions that the user should know of.
    """

    rows: int
    target: Target
    id_column: str | None
    group_column: str | None
    group_offered: str | None
    columns: tuple[PlannedColumn, ...]
    findings: tuple[Finding, ...]

    @property
    def features(self) -> tuple[PlannedColumn, ...]:
        """The columns that a model learns from."""
        return tuple(column for column in self.columns if column.role == "feature")

    def to_dict(self) -> dict[str, Any]:
        """Return the inspection as plain JSON types."""
        return {
            "rows": self.rows,
            "target": {
                "column": self.target.column,
                "positive": self.target.positive,
                "negative": self.target.negative,
                "share": round(self.target.share, 6),
                "chosen_by": self.target.chosen_by,
            },
            "id": self.id_column,
            "group": self.group_column,
            "group_offered": self.group_offered,
            "columns": [column.to_dict() for column in self.columns],
            "findings": [finding.to_dict() for finding in self.findings],
        }


def inspect_table(
    table: pd.DataFrame,
    target: str,
    *,
    positive: str | None = None,
    id_column: str | None = None,
    group: str | None = None,
) -> Inspection:
    """Decide the role of each column of a table, and look for what would spoil a churn model.

    Parameters
    ----------
    table : DataFrame
        From `churn_core.data.load_table`.
    target : str
        The column that says who left; case and surrounding blanks may differ.
    positive : str, optional
        The label of customers who left. By default a known word, or else the rarer label.
    id_column, group : str, optional
        By default found by names and values; a group only if customers have several rows.

    Raises
    ------
    DataError
        If a named column does not exist, two names differ in case alone, the target has not exactly two
        labels, or no column can be a feature.
    """
    if not len(table):
        raise DataError("The table has no rows; add customers.")
    names = [str(name) for name in table.columns]
    _refuse_alike_names(names)
    found: list[Finding] = []
    target_name = _resolve_name(target, names, "--target", found)
    read = read_target(table[target_name], target_name, positive)
    found += _check_target(read)
    columns = {name: read_column(name, table[name]) for name in names if name != target_name}
    asked_id = None if id_column is None else _resolve_name(id_column, list(columns), "--id", found)
    asked_group = None if group is None else _resolve_name(group, list(columns), "--group", found)
    keys, key_findings = _find_keys(list(columns.values()), asked_id, asked_group, len(table))
    plans = {
        name: PlannedColumn(name, keys.role(name), {})
        if keys.role(name) != "feature"
        else _plan_column(column, decide_kind(column))
        for name, column in columns.items()
    }
    plans, leak_findings = _leave_out_leaks(plans, columns, read)
    found += key_findings + [f for plan in plans.values() for f in _check_plan(plan, columns[plan.name])]
    features = [name for name, plan in plans.items() if plan.role == "feature"]
    found += leak_findings + order_findings(read.labels, columns.get(str(keys.id_column)))
    found += replica_findings(table, features, keys.group_column)
    plans[target_name] = PlannedColumn(target_name, "target", {})
    if not features:
        raise DataError(
            "No column of the table can be a feature: each is left out or a key. Add columns that describe"
            " the customers."
        )
    return Inspection(
        len(table),
        read,
        keys.id_column,
        keys.group_column,
        keys.group_offered,
        tuple(plans[name] for name in names),
        tuple(found),
    )


def _refuse_alike_names(names: Sequence[str]) -> None:
    alike = alike_names(names)
    if alike is not None:
        raise DataError(
            f"Columns {names[alike[0]]!r} and {names[alike[1]]!r} have names that differ in case alone;"
            " files with both can't be scored, so rename or remove one."
        )


@dataclass(frozen=True, slots=True)
class _Keys:
    id_column: str | None
    group_column: str | None
    group_offered: str | None

    def role(self, name: str) -> Role:
        if name == self.id_column:
            return "id"
        return "group" if name == self.group_column else "feature"


def _resolve_name(asked: str, names: Sequence[str], option: str, found: list[Finding]) -> str:
    name = find_name(asked, names, option)
    if name != asked:
        found.append(warning(name, "name_corrected", 1))
    return name


def _check_target(target: Target) -> list[Finding]:
    name, unlabelled = target.column, target.labels < 0
    found = find_in_rows(name, "missing_label", "error", unlabelled, MESSAGES["missing_label"])
    if target.chosen_by == "rarity":
        found.append(warning(name, "positive_guessed", 1))
    return found


def _find_keys(
    columns: list[Column], asked_id: str | None, asked_group: str | None, rows: int
) -> tuple[_Keys, list[Finding]]:
    id_column = asked_id if asked_id is not None else find_id(columns)
    found = []
    if id_column is not None and alike_key(id_column) in map(alike_key, RESERVED_NAMES):
        found.append(warning(id_column, "id_collides", 1))
        id_column = None
    group, offered = asked_group, None
    repeating = [column for column in columns if column.name == asked_id and not column.unique]
    if group is None and repeating:
        group = repeating[0].name
    elif group is None and (candidate := find_group(columns)) is not None:
        if candidate.same_customer:
            group = candidate.name
            id_column = id_column or group
        else:
            offered = candidate.name
            found.append(warning(offered, "group_offered", rows))
    if group is not None and asked_group is None:
        found.append(warning(group, "repeated_customer", rows))
    return _Keys(id_column, group, offered), found


def _plan_column(column: Column, kind: Kind) -> PlannedColumn:
    if kind.left_out is not None:
        return PlannedColumn(column.name, "left_out", {}, reason=kind.left_out)
    return PlannedColumn(column.name, "feature", kind.spec, notes=(kind.note,) if kind.note else ())


def _check_plan(plan: PlannedColumn, column: Column) -> list[Finding]:
    if plan.reason is not None and plan.reason != "target_copy":
        message = left_out_message(plan.reason)
        return [column_finding(plan.name, plan.reason, "warning", column.present, message)]
    if column.infinite is not None and plan.role == "feature":
        return find_in_rows(plan.name, "not_finite", "error", column.infinite, MESSAGES["not_finite"])
    if "max_levels" in plan.spec:
        return [warning(plan.name, "many_values", column.distinct)]
    return []


def _leave_out_leaks(
    plans: dict[str, PlannedColumn], columns: dict[str, Column], target: Target
) -> tuple[dict[str, PlannedColumn], list[Finding]]:
    """Leave out copies of the target, and warn of columns that may leak it."""
    rows = drawn_rows(len(target.labels))
    kept, found = dict(plans), []
    for name, plan in plans.items():
        if plan.role != "feature":
            continue
        column = columns[name]
        numbers = None if column.numbers is None or "category" in plan.spec.values() else column.numbers[rows]
        drawn = replace(column, codes=column.codes[rows], numbers=numbers)
        leak = find_leak(drawn, target.labels[rows])
        if leak is None:
            continue
        if leak.rule == "target_copy":
            message = left_out_message(leak.rule)
            found.append(column_finding(name, leak.rule, "warning", leak.rows, message))
            kept[name] = PlannedColumn(name, "left_out", {}, reason=leak.rule)
        else:
            found.append(warning(name, leak.rule, leak.rows))
            note = "Warning: it may leak the target; remove it unless it is known before a customer leaves."
            kept[name] = replace(plan, notes=(*plan.notes, note))
    return kept, found
