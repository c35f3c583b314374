"""Reports as text and as JSON; neither shows a customer's value."""

from __future__ import annotations

import json

import pandas as pd

from churn_core.data import (
    DataValidationError,
    validate_data,
)
from churn_core.data.findings import column_finding, finding_lines
from churn_core.data.validation import ValidationReport
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


def test_findings_of_one_kind_are_one_line_with_a_count_and_the_first_names() -> None:
    many = [column_finding(f"c{n}", "constant", "warning", 9, "holds a single value") for n in range(51)]
    error = column_finding("d", "missing", "error", 2, "lacks values; fill them")
    other = column_finding("e", "constant", "warning", 9, "holds something else")
    assert finding_lines([*many[:50], other, error, many[50]]) == [
        "Error: Column 'd' lacks values; fill them (count 2; missing).",
        "Warning: 51 columns ('c0', 'c1', 'c2' and 48 more): each holds a single value (constant).",
        "Warning: Column 'e' holds something else (count 9; constant).",
    ]
    lines = ValidationReport((*many, error, error), 9).render().splitlines()
    assert len(lines) == 5
    assert "'c0', 'c1', 'c2' and 48 more" in lines[3]
