"""Reports as text and as JSON; neither shows a customer's value."""

from __future__ import annotations

import json

import pandas as pd

from churn_core.data import (
    DataValidationError,
    validate_data,
)
from churn_core.schema import Contract
from tests.unit.churn_core.data.validation_cases import SECRET, with_value


def test_given_any_fault_then_no_value_is_in_the_report(table: pd.DataFrame, contract: Contract) -> None:
    for column in table.columns:
        report = validate_data(with_value(table, column, 1, SECRET), contract)
        assert SECRET not in report.render() + json.dumps(report.to_dict())
        if not report.ok:
            assert SECRET not in str(DataValidationError(report))


def test_given_findings_then_the_report_is_plain_json(table: pd.DataFrame, contract: Contract) -> None:
    report = validate_data(with_value(table, "visits", 1, -1).assign(plan="basic"), contract)
    content = json.loads(json.dumps(report.to_dict()))
    assert {key: content[key] for key in ("ok", "rows", "errors", "warnings")} == {
        "ok": False,
        "rows": 8,
        "errors": 1,
        "warnings": 1,
    }
    assert content["findings"][0] == {
        "column": "visits",
        "rule": "out_of_range",
        "severity": "error",
        "count": 1,
        "example_rows": [1],
        "message": content["findings"][0]["message"],
    }
    assert "outside 0 to 100" in content["findings"][0]["message"]


def test_given_findings_then_the_text_table_has_errors_first(table: pd.DataFrame, contract: Contract) -> None:
    lines = validate_data(table.assign(visits=5, plan=None), contract).render().splitlines()
    assert [line.split()[:3] for line in lines[1:-1]] == [
        ["error", "plan", "all_missing"],
        ["warning", "visits", "constant"],
    ]
    assert "8 rows" in lines[-1]
    assert "1 errors, 1 warnings" in lines[-1]


def test_given_nothing_found_then_the_report_is_one_line(table: pd.DataFrame, contract: Contract) -> None:
    (line,) = validate_data(table, contract).render().splitlines()
    assert "8 rows" in line
    assert "0 errors, 0 warnings" in line
