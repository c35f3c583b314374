"""Invalid tables, and short forms of their findings."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from churn_core.data import ValidationReport

SECRET = "SSN-111-22-3333"


def rules(report: ValidationReport) -> list[tuple[str | None, str, str, int]]:
    return [(f.column, f.rule, f.severity, f.count) for f in report.findings]


def with_value(table: pd.DataFrame, column: str, row: int, value: object) -> pd.DataFrame:
    changed = table.copy()
    changed[column] = changed[column].astype(object)
    changed.loc[row, column] = value  # type: ignore[call-overload]
    return changed
