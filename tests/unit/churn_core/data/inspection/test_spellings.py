"""Categories whose values differ only by case, blanks or Unicode form are named once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from churn_core.data.inspection import config_text, inspect_table

if TYPE_CHECKING:
    import pandas as pd


def test_columns_with_alike_spellings_are_named_once_and_get_a_comment(
    customers: pd.DataFrame, draw: np.random.Generator
) -> None:
    rows = len(customers)
    table = customers.assign(
        city=draw.choice(["Z\u00fcrich", "ZU\u0308RICH", "Bern"], rows),
        pay=draw.choice(["card", "Card ", "cash"], rows),
        flag=draw.choice(["True", "TRUE", "false"], rows),
    )
    found = inspect_table(table, "churned")
    (finding,) = [finding for finding in found.findings if finding.rule == "alike_spellings"]
    assert (finding.column, finding.count) == (None, 2)
    assert "'city', 'pay'" in finding.message
    assert "Bern" not in finding.message
    text = config_text(found, "table.csv")
    assert text.count("add: normalise: true") == 2
