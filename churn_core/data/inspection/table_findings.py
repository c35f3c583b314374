"""What is wrong with a table as a whole: replicated customers, an order that tells, names alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from churn_core.data.columns import distinct_text
from churn_core.data.findings import EXAMPLE_ROWS, Finding, in_column
from churn_core.data.inspection.keys import id_order
from churn_core.data.inspection.leaks import drawn_rows, order_predicts
from churn_core.data.inspection.replicas import find_replicas
from churn_core.data.inspection.wording import MESSAGES

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from churn_core.data.inspection.column import Column

    Codes = npt.NDArray[np.int64]


def replica_findings(table: pd.DataFrame, features: Sequence[str], group: str | None) -> list[Finding]:
    """Warn of customers who are in a table more than once, where a split may part them.

    Parameters
    ----------
    table : DataFrame
    features : sequence of str
        Columns that a model learns from; those that the table lacks or that hold nested values are no
        matter here.
    group : str or None
        The configuration's ``data.group``: replicas in one group are never parted.
    """
    codes = {name: found for name in features if (found := _codes(table, name)) is not None}
    own_group = None if group is None else _codes(table, group)
    replicas = find_replicas(list(codes.values()), own_group)
    if replicas is None:
        return []
    rows = np.flatnonzero(replicas.repeats)
    name, rule = None, "replicated_rows"
    if replicas.but_for is not None:
        name, rule = list(codes)[replicas.but_for], "nearly_replicated"
    examples = tuple(int(row) for row in rows[:EXAMPLE_ROWS])
    return [Finding(name, rule, "warning", len(rows), examples, MESSAGES[rule])]


def order_findings(labels: Codes, id_column: Column | None) -> list[Finding]:
    """Warn where the order of the rows, or of the ids, predicts the target."""
    rows = drawn_rows(len(labels))
    drawn = labels[rows]
    found = []
    if order_predicts(rows.astype(np.float64), drawn):
        found.append(Finding(None, "order_predicts", "warning", len(drawn), (), MESSAGES["order_predicts"]))
    order = None if id_column is None else id_order(id_column)
    if id_column is not None and order is not None and order_predicts(order[rows], drawn):
        found.append(in_column(id_column.name, "id_predicts", "warning", len(drawn), MESSAGES["id_predicts"]))
    return found


def alike_names(names: Sequence[str]) -> list[Finding]:
    """Warn of names that differ by case alone: the reader of Parquet files takes them for one."""
    seen: set[str] = set()
    found = []
    for name in names:
        if name.casefold() in seen:
            found.append(in_column(name, "alike_names", "warning", 1, MESSAGES["alike_names"]))
        seen.add(name.casefold())
    return found


def _codes(table: pd.DataFrame, name: str) -> Codes | None:
    """Number a column's values, equal where they are equal; -1 is missing."""
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
