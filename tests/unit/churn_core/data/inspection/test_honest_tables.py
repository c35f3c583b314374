"""Honest tables of ten trades: the id and the label are found, and nothing at all is reported."""

from __future__ import annotations

import numpy as np
import pytest

from churn_core.data.inspection import inspect_table
from tests.unit.churn_core.data.inspection.honest_tables import HONEST_TABLES


@pytest.mark.parametrize("rows", [300, 1_200, 4_000])
@pytest.mark.parametrize("name", HONEST_TABLES)
def test_an_honest_table_has_no_finding(name: str, rows: int) -> None:
    make, id_column, positive = HONEST_TABLES[name]
    for seed in range(3):
        table = make(np.random.default_rng(seed), rows)
        found = inspect_table(table, str(table.columns[-1]))
        assert found.findings == ()
        assert (found.id_column, found.group_column) == (id_column, None)
        assert found.target.positive == (positive,)
        assert [column.name for column in found.columns if column.role == "left_out"] == []
