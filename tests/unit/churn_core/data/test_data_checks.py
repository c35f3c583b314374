"""Faults of values, columns, ids and labels are found and counted."""

from __future__ import annotations

import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from churn_core.data import (
    DataValidationError,
    load_csv,
    validate_data,
)
from churn_core.errors import DataError
from churn_core.schema import Contract
from tests.unit.churn_core.data.validation_cases import rules, with_value

# --- single values


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("visits", None, "missing"),
        ("visits", np.inf, "not_finite"),
        ("visits", 101, "out_of_range"),
        ("visits", -1, "out_of_range"),
        ("visits", 1.5, "not_integer"),
        ("visits", "1", "wrong_type"),
        ("visits", True, "wrong_type"),
        ("spent", "much", "wrong_type"),
        ("spent", "1_0", "wrong_type"),
        ("spent", "-inf", "not_finite"),
        ("plan", None, "missing"),
        ("plan", " ", "missing"),
        ("plan", 1.5, "wrong_type"),
        ("region", "x" * 257, "too_long"),
        ("region", "a\x00", "invalid_unicode"),
        ("region", "\ud800", "invalid_unicode"),
    ],
)
def test_given_one_faulty_value_then_its_row_and_rule_are_found(
    column: str, value: object, rule: str, table: pd.DataFrame, contract: Contract
) -> None:
    (finding,) = validate_data(with_value(table, column, 4, value), contract).findings
    assert (finding.column, finding.rule, finding.severity) == (column, rule, "error")
    assert (finding.count, finding.example_rows) == (1, (4,))


def test_given_many_faults_then_all_are_counted_and_five_rows_named(
    table: pd.DataFrame, contract: Contract
) -> None:
    many = pd.concat([table] * 2, ignore_index=True)
    many["customer"] = [f"c{row}" for row in range(16)]
    many.loc[2:, "visits"] = 1000
    (finding,) = validate_data(many, contract).findings
    assert (finding.count, finding.example_rows) == (14, (2, 3, 4, 5, 6))


def test_given_several_faults_then_the_report_holds_them_all(table: pd.DataFrame, contract: Contract) -> None:
    changed = with_value(with_value(table, "visits", 0, -1), "visits", 1, 0.5)
    report = validate_data(with_value(changed, "plan", 2, None), contract)
    assert [(f.column, f.rule) for f in report.errors] == [
        ("visits", "out_of_range"),
        ("visits", "not_integer"),
        ("plan", "missing"),
    ]
    with pytest.raises(DataValidationError, match="2 more errors") as caught:
        report.raise_for_errors()
    assert caught.value.report is report
    assert isinstance(caught.value, DataError)


def test_given_a_csv_file_then_numbers_as_text_are_numbers(
    table: pd.DataFrame, contract: Contract, tmp_path: Path
) -> None:
    path = tmp_path / "customers.csv"
    table.to_csv(path, index=False)
    assert validate_data(load_csv(path), contract).findings == ()
    table["visits"] = table["visits"].astype("str")
    report = validate_data(table, contract)
    assert rules(report) == [("visits", "wrong_type", "error", 8)]
    assert "stored_as: text" in report.findings[0].message


# --- categories


def test_given_a_value_that_is_not_allowed_then_training_refuses_it_and_scoring_warns(
    table: pd.DataFrame, contract: Contract
) -> None:
    changed = with_value(table, "plan", 1, "gold")
    assert rules(validate_data(changed, contract)) == [("plan", "not_allowed", "error", 1)]
    assert rules(validate_data(changed, contract, labelled=False)) == [("plan", "not_allowed", "warning", 1)]


def test_given_an_allowed_value_in_another_unicode_form_then_it_is_allowed(
    table: pd.DataFrame, contract: Contract
) -> None:
    assert validate_data(with_value(table, "plan", 1, "cafe\u0301"), contract).findings == ()
    (plan,) = [feature for feature in contract.categories if feature.name == "plan"]
    decomposed = replace(plan, allowed=("basic", "cafe\u0301"))
    features = tuple(decomposed if feature is plan else feature for feature in contract.features)
    assert validate_data(table, replace(contract, features=features)).findings == ()


def test_given_a_trained_contract_then_new_values_are_a_warning_and_missing_ones_are_not(
    table: pd.DataFrame, contract: Contract
) -> None:
    trained = contract.with_vocabularies({"plan": ["basic", "café"], "region": ["north"]})
    report = validate_data(table, trained)
    assert rules(report) == [("region", "unseen_value", "warning", 2)]
    assert report.ok


# --- ids


@pytest.mark.parametrize("value", [None, "", " ", np.nan])
def test_given_an_id_without_value_then_it_is_missing(
    value: object, table: pd.DataFrame, contract: Contract
) -> None:
    assert rules(validate_data(with_value(table, "customer", 2, value), contract)) == [
        ("customer", "missing_id", "error", 1)
    ]


def test_given_a_repeated_id_then_the_later_row_is_named(table: pd.DataFrame, contract: Contract) -> None:
    changed = with_value(table, "customer", 6, "c1")
    (finding,) = validate_data(changed, contract).findings
    assert (finding.rule, finding.severity, finding.example_rows) == ("duplicate_id", "error", (6,))
    (finding,) = validate_data(changed, contract, labelled=False).findings
    assert finding.severity == "warning"


def test_given_ids_that_differ_after_a_nul_then_they_are_not_repeated(
    table: pd.DataFrame, contract: Contract
) -> None:
    assert validate_data(with_value(table, "customer", 6, "c1\x00x"), contract).ok


@pytest.mark.parametrize(
    "ids",
    [
        pd.Series(range(8)),
        pd.Series([uuid.UUID(int=number) for number in range(8)]),
        pd.Series(pd.date_range("2024-01-01", periods=8)),
        pd.Series(range(8), dtype="Int64"),
    ],
    ids=["integers", "UUIDs", "dates", "nullable integers"],
)
def test_given_ids_of_other_types_then_they_are_checked_too(
    ids: Any, table: pd.DataFrame, contract: Contract
) -> None:
    assert validate_data(table.assign(customer=ids), contract).findings == ()
    repeated = ids.copy()
    repeated[7] = repeated[0]
    assert rules(validate_data(table.assign(customer=repeated), contract)) == [
        ("customer", "duplicate_id", "error", 1)
    ]


def test_given_lists_as_ids_then_they_have_the_wrong_type(table: pd.DataFrame, contract: Contract) -> None:
    report = validate_data(table.assign(customer=pd.Series([[1]] * 8)), contract)
    assert rules(report) == [("customer", "wrong_type", "error", 8)]


# --- columns as a whole


def test_given_a_constant_column_then_training_warns_and_scoring_does_not(
    table: pd.DataFrame, contract: Contract
) -> None:
    constant = table.assign(visits=5, plan="basic")
    assert rules(validate_data(constant, contract)) == [
        ("visits", "constant", "warning", 8),
        ("plan", "constant", "warning", 8),
    ]
    assert validate_data(constant, contract, labelled=False).findings == ()


def test_given_one_value_and_missing_ones_then_the_column_is_not_constant(
    table: pd.DataFrame, contract: Contract
) -> None:
    assert (
        validate_data(table.assign(region=pd.Series(["north", None] * 4, dtype=object)), contract).findings
        == ()
    )


@pytest.mark.parametrize("column", ["visits", "spent", "plan", "region"])
def test_given_a_column_without_any_value_then_it_is_an_error(
    column: str, table: pd.DataFrame, contract: Contract
) -> None:
    empty = table.assign(**{column: None})
    assert rules(validate_data(empty, contract)) == [(column, "all_missing", "error", 8)]


def test_given_rows_to_score_then_a_nullable_column_may_be_empty(
    table: pd.DataFrame, contract: Contract
) -> None:
    report = validate_data(table.assign(spent=None, plan=None), contract, labelled=False)
    assert rules(report) == [("spent", "all_missing", "warning", 8), ("plan", "all_missing", "error", 8)]


# --- the target


@pytest.mark.parametrize(
    ("value", "rule"),
    [(None, "missing_label"), ("", "missing_label"), ("maybe", "unknown_label"), (1.0, "unknown_label")],
)
def test_given_a_faulty_label_then_its_row_is_named(
    value: object, rule: str, table: pd.DataFrame, contract: Contract
) -> None:
    (finding,) = validate_data(with_value(table, "left", 2, value), contract).findings
    assert (finding.column, finding.rule, finding.example_rows) == ("left", rule, (2,))


def test_given_a_single_label_then_it_is_an_error(table: pd.DataFrame, contract: Contract) -> None:
    report = validate_data(table.assign(left="no"), contract)
    assert rules(report) == [("left", "one_class", "error", 8)]


def test_given_boolean_labels_then_the_contract_names_them_as_text(
    table: pd.DataFrame, contract: Contract
) -> None:
    flags = Contract(contract.features, "left", "true", "false", "customer")
    assert validate_data(table.assign(left=table["left"] == "yes"), flags).findings == ()
