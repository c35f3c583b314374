"""Inspection of a table: the role of each column, and what would spoil a model."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from churn_core.data.files.csv_files import cells_are_text
from churn_core.data.findings import Finding, column_finding, find_in_rows
from churn_core.data.inspection.column import read_column
from churn_core.data.inspection.dates import DATE_REASONS, plan_dates
from churn_core.data.inspection.keys.key_names import key_rank
from churn_core.data.inspection.keys.keys import FoundId, find_group, find_id
from churn_core.data.inspection.kinds import Kind, decide_kind, holds_dates
from churn_core.data.inspection.leave_out_leaks import leave_out_leaks
from churn_core.data.inspection.messages import LEAKS, MESSAGES, left_out_message
from churn_core.data.inspection.names import find_name
from churn_core.data.inspection.number_forms import find_number_forms, marks_findings
from churn_core.data.inspection.planned_column import PlannedColumn, Role
from churn_core.data.inspection.spellings import SPELLING_NOTE, has_alike_spellings, spelling_findings
from churn_core.data.inspection.target.labels import Target, find_excluded, read_target
from churn_core.data.inspection.traps.few_leavers import few_leavers_message
from churn_core.data.inspection.traps.functions import Function, find_functions
from churn_core.data.inspection.traps.table_findings import (
    order_findings,
    replica_findings,
    warning,
)
from churn_core.errors import DataError
from churn_core.reader_rules import TextRules
from churn_core.schema import label_or_labels
from churn_core.scoring.column_names import alike_key, alike_names
from churn_core.scoring.files.sql.output_columns import RESERVED_NAMES

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from churn_core.data.inspection.column import Column


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
    text_rules : TextRules
        How text stands for numbers, dates and missing values.
    excluded_labels : tuple of str
        Labels whose rows are set aside, as in config.yaml.
    excluded_rows : int
        Number of these rows; `rows` does not count them.
    derived, offered : dict
        By name, declarations of days between dates: those that are active, and those with a fixed day, which
        are commented out.
    functions : tuple of Function
        Number columns that nearly follow from two others; they may share one reason.
    """

    rows: int
    target: Target
    id_column: str | None
    group_column: str | None
    group_offered: str | None
    columns: tuple[PlannedColumn, ...]
    findings: tuple[Finding, ...]
    text_rules: TextRules
    excluded_labels: tuple[str, ...] = ()
    excluded_rows: int = 0
    derived: dict[str, dict[str, Any]] = field(default_factory=dict)
    offered: dict[str, dict[str, Any]] = field(default_factory=dict)
    functions: tuple[Function, ...] = ()

    @property
    def features(self) -> tuple[PlannedColumn, ...]:
        """The columns that a model learns from."""
        return tuple(column for column in self.columns if column.role == "feature")

    def to_dict(self) -> dict[str, Any]:
        """Return the inspection as plain JSON types."""
        return {
            "rows": self.rows,
            "excluded_rows": self.excluded_rows,
            "target": {
                "column": self.target.column,
                "positive": label_or_labels(self.target.positive),
                "negative": label_or_labels(self.target.negative),
                "excluded": list(self.excluded_labels),
                "share": round(self.target.share, 6),
                "chosen_by": self.target.chosen_by,
            },
            "id": self.id_column,
            "group": self.group_column,
            "group_offered": self.group_offered,
            "columns": [column.to_dict() for column in self.columns],
            "derived": self.derived,
            "offered": self.offered,
            "functions": [str(function) for function in self.functions],
            "findings": [finding.to_dict() for finding in self.findings],
        }


def inspect_table(
    table: pd.DataFrame,
    target: str,
    *,
    positive: Sequence[str] = (),
    exclude: Sequence[str] = (),
    id_column: str | None = None,
    group: str | None = None,
    date_formats: Sequence[tuple[str, str]] = (),
    text_rules: TextRules | None = None,
    marks_given: bool = False,
    delimiter: str = ",",
) -> Inspection:
    """Decide the role of each column of a table, and look for what would spoil a churn model.

    Parameters
    ----------
    table : DataFrame
        From `churn_core.data.load_table`.
    target : str
        The column that says who left; case and surrounding blanks may differ.
    positive : sequence of str
        The labels of customers who left. By default the label that the labels and the column's name tell
        together, or else the rarer one.
    exclude : sequence of str
        Labels whose rows are set aside; nothing is decided by these rows.
    id_column, group : str, optional
        By default found by names and values; a group only if customers have several rows.
    date_formats : sequence of (str, str)
        Columns and the formats of their dates, such as ``DD/MM/YYYY``.
    text_rules : TextRules, optional
        How the user says that text stands for numbers; see `find_number_forms`.
    marks_given : bool
        Whether the user gave the decimal and thousands marks of `text_rules`.
    delimiter : str
        Of the table's CSV file; a semicolon speaks for decimal commas.

    Raises
    ------
    DataError
        If a named column does not exist, two names differ in case alone, the target has more than two labels
        and `positive` is empty, or no column can be a feature.
    """
    if not len(table):
        raise DataError("The table has no rows; add customers.")
    names = [str(name) for name in table.columns]
    _refuse_alike_names(names)
    found: list[Finding] = []
    target_name = _resolve_name(target, names, "--target", found)
    text_cells = cells_are_text(table)
    set_aside, excluded = find_excluded(table[target_name], target_name, exclude)
    table = table[~excluded].reset_index(drop=True)
    read = read_target(table[target_name], target_name, positive)
    found += _check_target(read)
    others = [name for name in names if name != target_name]
    forms = find_number_forms(
        table, others, text_rules or TextRules(), marks_given=marks_given, delimiter=delimiter
    )
    columns = {
        name: read_column(name, table[name], forms.reading(name), text_cells=text_cells) for name in others
    }
    asked_id = None if id_column is None else _resolve_name(id_column, list(columns), "--id", found)
    asked_group = None if group is None else _resolve_name(group, list(columns), "--group", found)
    keys, key_findings = _find_keys(list(columns.values()), asked_id, asked_group, len(table))
    kinds = {name: decide_kind(column, forms.signs.get(name, ())) for name, column in columns.items()}
    plans = {
        name: PlannedColumn(name, keys.role(name), {})
        if keys.role(name) != "feature"
        else _plan_column(column, kinds[name])
        for name, column in columns.items()
    }
    alike = [name for name, plan in plans.items() if has_alike_spellings(columns[name], plan.spec)]
    for name in alike:
        plans[name] = replace(plans[name], notes=(*plans[name].notes, SPELLING_NOTE))
    found += marks_findings(forms) + spelling_findings(alike)
    plans, leak_findings = leave_out_leaks(plans, columns, read)
    declared = {_resolve_name(name, list(columns), "--date-format", found): f for name, f in date_formats}
    candidates = [
        name
        for name, plan in plans.items()
        if name in declared or plan.reason in DATE_REASONS or plan.spec.get("kind") == "category"
    ]
    dates = plan_dates(table, candidates, read.labels, declared, forms.rules)
    plans |= {name: PlannedColumn(name, "date", {}) for name in dates.used}
    plans |= {name: PlannedColumn(name, "left_out", {}, reason=why) for name, why in dates.left_out.items()}
    in_doubt = {finding.column for finding in key_findings if finding.rule == "id_in_doubt"}
    found += key_findings
    found += [
        finding
        for plan in plans.values()
        for finding in _check_plan(plan, columns[plan.name])
        # That such a column is left out, is said with the doubt.
        if not (plan.name in in_doubt and finding.rule in ("naming", "unique_number"))
    ]
    features = [name for name, plan in plans.items() if plan.role == "feature"]
    found += leak_findings + order_findings(read.labels, columns.get(str(keys.id_column)))
    found += replica_findings(table, [*features, *dates.used], keys.group_column)
    functions = find_functions(
        {
            name: np.asarray(columns[name].numbers)
            for name, plan in plans.items()
            if plan.spec.get("kind") == "number"
        }
    )
    for function in functions:
        plan = plans[function.column]
        plans[function.column] = replace(plan, notes=(*plan.notes, function.note))
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
        dates.rules,
        set_aside,
        int(excluded.sum()),
        dates.derived,
        dates.offered,
        tuple(functions),
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
    positive, negative = (int((target.labels == label).sum()) for label in (1, 0))
    if (message := few_leavers_message(positive, negative)) is not None:
        found.append(column_finding(None, "few_leavers", "warning", min(positive, negative), message))
    if target.doubt is not None:
        found.append(warning(name, target.doubt, int((target.labels == 1).sum())))
    return found


def _find_keys(
    columns: list[Column], asked_id: str | None, asked_group: str | None, rows: int
) -> tuple[_Keys, list[Finding]]:
    found_id = FoundId(asked_id) if asked_id is not None else find_id(columns)
    id_column, found = found_id.name, []
    if id_column is not None and alike_key(id_column) in map(alike_key, RESERVED_NAMES):
        found.append(warning(id_column, "id_collides", 1))
        id_column = None
    group, offered = asked_group, None
    repeating = [column for column in columns if column.name == asked_id and not column.unique]
    if group is None and repeating:
        group = repeating[0].name
    elif (
        group is None
        and (candidate := find_group(columns, [c for c in columns if holds_dates(c)])) is not None
    ):
        if candidate.same_customer:
            group = candidate.name
            complete = next(not column.missing.any() for column in columns if column.name == group)
            # The key of a row, such as "record_id", is no customer's.
            if asked_id is None and complete and key_rank(str(id_column)) < 3:
                id_column, found_id = group, FoundId(group)
            elif id_column is None:
                found.append(warning(group, "id_incomplete", rows))
        else:
            offered = candidate.name
            found.append(warning(offered, "group_offered", rows))
    found += [warning(name, "id_in_doubt", rows) for name in found_id.in_doubt]
    if group is not None and asked_group is None:
        found.append(warning(group, "repeated_customer", rows))
    return _Keys(id_column, group, offered), found


def _plan_column(column: Column, kind: Kind) -> PlannedColumn:
    if kind.left_out is not None:
        return PlannedColumn(column.name, "left_out", {}, reason=kind.left_out)
    return PlannedColumn(column.name, "feature", kind.spec, notes=(kind.note,) if kind.note else ())


def _check_plan(plan: PlannedColumn, column: Column) -> list[Finding]:
    if plan.reason is not None and plan.reason not in LEAKS:
        message = left_out_message(plan.reason, plan.name)
        return [column_finding(plan.name, plan.reason, "warning", column.present, message)]
    if column.infinite is not None and plan.role == "feature":
        return find_in_rows(plan.name, "not_finite", "error", column.infinite, MESSAGES["not_finite"])
    if "max_levels" in plan.spec:
        return [warning(plan.name, "many_values", column.distinct)]
    return []
