"""Findings about a table as a whole: replicated customers, and orders that predict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from churn_core.data.columns import distinct_text
from churn_core.data.findings import Finding, column_finding, find_in_rows
from churn_core.data.inspection.keys.keys import id_order
from churn_core.data.inspection.messages import MESSAGES
from churn_core.data.inspection.traps.leaks import drawn_rows, order_predicts
from churn_core.data.inspection.traps.periods import find_period
from churn_core.data.inspection.traps.replicas import find_replicas
from churn_core.schema import EQUAL_ROWS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from churn_core.data.inspection.column import Column

    Codes = npt.NDArray[np.int64]


def warning(column: str | None, rule: str, count: int) -> Finding:
    """Return the warning of a rule of `MESSAGES` about a column, or the table, as a whole."""
    return column_finding(column, rule, "warning", count, MESSAGES[rule])


def replica_findings(table: pd.DataFrame, features: Sequence[str], group: str | None) -> list[Finding]:
    """Warn of customers who occur more than once in a table, if a split may separate their rows.

    Parameters
    ----------
    table : DataFrame
    features : sequence of str
        Columns that a model learns from. Missing columns and columns of nested values are ignored.
    group : str or None
        The configuration's ``data.group``; no split separates replicas of one group.
    """
    if group == EQUAL_ROWS:
        return []
    codes = {name: found for name in features if (found := _codes(table, name)) is not None}
    own_group = None if group is None else _codes(table, group)
    replicas = find_replicas(list(codes.values()), own_group)
    if replicas is None:
        period = None if own_group is not None else find_period(list(codes.values()))
        if period is None:
            return []
        message = MESSAGES["periodic_rows"].format(lag=period.lag, share=period.equal_share)
        return [column_finding(None, "periodic_rows", "warning", len(table), message)]
    name, rule = None, "replicated_rows"
    if replicas.except_in is not None:
        name, rule = list(codes)[replicas.except_in], "nearly_replicated"
    message = MESSAGES[rule].format(count=int(replicas.repeats.sum()), rows=len(table))
    return find_in_rows(name, rule, "warning", replicas.repeats, message)


def order_findings(labels: Codes, id_column: Column | None) -> list[Finding]:
    """Warn if the order of the rows, or of the ids, predicts the target."""
    rows = drawn_rows(len(labels))
    drawn = labels[rows]
    found = []
    if order_predicts(rows.astype(np.float64), drawn):
        found.append(warning(None, "order_predicts", len(drawn)))
    order = None if id_column is None else id_order(id_column)
    if id_column is not None and order is not None and order_predicts(order[rows], drawn):
        found.append(warning(id_column.name, "id_predicts", len(drawn)))
    return found


def _codes(table: pd.DataFrame, name: str) -> Codes | None:
    """Return codes that are equal where values are equal, -1 where missing; None for nested values."""
    if list(table.columns).count(name) != 1:
        return None
    series: pd.Series[Any] = table[name]
    text = distinct_text(series)
    if text is not None:
        return text.codes
    try:
        return pd.factorize(series)[0].astype(np.int64)
    except TypeError:
        return None
