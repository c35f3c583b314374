"""The checks of date columns, and of the days between them, against the data contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from churn_core.data.columns import FINE, MISSING
from churn_core.data.date_columns import parse_date_column, parse_days_column
from churn_core.data.findings import column_finding, find_in_rows
from churn_core.errors import reject_number
from churn_core.schema import MAX_TEXT_LENGTH

if TYPE_CHECKING:
    from churn_core.data.checks import CheckedTable
    from churn_core.data.findings import Finding
    from churn_core.reader_rules import TextRules
    from churn_core.schema import DaysBetween, NumberFeature


def check_days(
    checked: CheckedTable, feature: NumberFeature, days: DaysBetween, rules: TextRules
) -> list[Finding]:
    """Check the date columns of a feature, then the days between them."""
    found = [finding for name in days.columns for finding in _check_dates(checked, name, feature, rules)]
    values = parse_days_column(checked.table, days, rules, nullable=feature.nullable)
    present = values[~np.isnan(values)]
    if not checked.labelled or not len(present):
        return found
    negative = values < 0
    if np.count_nonzero(negative) > len(present) / 2:
        message = "is negative in most rows; if its dates are swapped, exchange from and to"
        found += find_in_rows(feature.name, "negative_days", "warning", negative, message)
    if len(values) == len(present) > 1 and (present == present[0]).all():
        message = "is the same in every row, so a model can't learn from it; remove it from data.derived"
        found.append(column_finding(feature.name, "constant", "warning", len(values), message))
    return found


def _check_dates(checked: CheckedTable, name: str, feature: NumberFeature, rules: TextRules) -> list[Finding]:
    parsed = parse_date_column(checked.table[name], name, rules, nullable=feature.nullable)
    place = f"data.derived.{feature.name}"
    if np.isnan(parsed.values).all() and ((parsed.faults == FINE) | (parsed.faults == MISSING)).all():
        severity = checked.training_severity if feature.nullable else "error"
        message = f"has no date in any row; fill it, or remove {place}"
        return [column_finding(name, "all_missing", severity, len(parsed.values), message)]
    declared = rules.date_format(name)
    forms = "dates such as 2026-01-31" if declared is None else f"dates in the form {declared} or 2026-01-31"
    messages = {
        "missing": f"lacks dates; fill them, or declare {place} with nullable: true",
        "not_a_date": f"holds values that are not {forms}; correct them, or reader.date_formats.{name}",
        "too_long": f"holds text of more than {MAX_TEXT_LENGTH} characters; shorten it",
    }
    return [
        finding
        for code, message in messages.items()
        for finding in find_in_rows(name, code, "error", parsed.faults == reject_number(code), message)
    ]
