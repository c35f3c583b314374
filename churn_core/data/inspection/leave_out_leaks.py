"""Take leaks of the target out of the planned features, and warn of columns that may be leaks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from churn_core.data.findings import Finding, column_finding
from churn_core.data.inspection.messages import LEFT_OUT, MESSAGES, left_out_message
from churn_core.data.inspection.planned_column import PlannedColumn
from churn_core.data.inspection.traps.leaks import drawn_rows, find_gap_leak, find_leak
from churn_core.data.inspection.traps.pair_leaks import find_pair_leaks
from churn_core.data.inspection.traps.table_findings import warning

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from churn_core.data.inspection.column import Column
    from churn_core.data.inspection.target.labels import Target

_LEAK_NOTE: Final = "Warning: it may leak the target; remove it unless it is known before a customer leaves."


def leave_out_leaks(
    plans: dict[str, PlannedColumn], columns: dict[str, Column], target: Target
) -> tuple[dict[str, PlannedColumn], list[Finding]]:
    """Leave out copies of the target, and warn of columns that may leak it."""
    rows = drawn_rows(len(target.labels))
    kept, found, harmless = dict(plans), [], []
    for name, plan in plans.items():
        if plan.role not in ("feature", "left_out"):
            continue
        drawn = _drawn(columns[name], rows, plan)
        check = find_leak if plan.role == "feature" else find_gap_leak
        leak = check(drawn, target.labels[rows])
        if leak is None:
            harmless += [drawn] if plan.role == "feature" else []
        elif leak.rule in LEFT_OUT:
            message = left_out_message(leak.rule, name)
            found.append(column_finding(name, leak.rule, "warning", leak.rows, message))
            kept[name] = PlannedColumn(name, "left_out", {}, reason=leak.rule)
        elif plan.role == "feature":
            found.append(warning(name, leak.rule, leak.rows))
            kept[name] = replace(plan, notes=(*plan.notes, _LEAK_NOTE))
    for one, other in find_pair_leaks(harmless, target.labels[rows]):
        message = MESSAGES["pair_gives_target_away"].format(repr(other))
        found.append(column_finding(one, "pair_gives_target_away", "warning", len(rows), message))
        for name in (one, other):
            kept[name] = replace(kept[name], notes=(*kept[name].notes, _LEAK_NOTE))
    return kept, found


def _drawn(column: Column, rows: npt.NDArray[np.int64], plan: PlannedColumn) -> Column:
    """Return some rows of a column; the numbers of a category are codes."""
    numbers = None if column.numbers is None or "category" in plan.spec.values() else column.numbers[rows]
    return replace(column, codes=column.codes[rows], numbers=numbers)
