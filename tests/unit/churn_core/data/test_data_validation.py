"""Only a table that matches the data contract is valid; findings name places, not values."""

from __future__ import annotations

import time
from pathlib import Path

import pandas as pd
import pytest

from churn_core.data import (
    DataValidationError,
    generate_sample_data,
    load_table,
    validate_data,
    write_sample_data,
)
from churn_core.schema import Contract
from tests.unit.churn_core.data.validation_cases import SECRET, rules, with_value


def test_given_a_table_that_matches_the_contract_then_there_are_no_findings(
    table: pd.DataFrame, contract: Contract
) -> None:
    report = validate_data(table, contract)
    assert report.findings == ()
    assert report.ok
    report.raise_for_errors()


def test_given_columns_beyond_the_contract_then_they_are_ignored(
    table: pd.DataFrame, contract: Contract
) -> None:
    assert validate_data(table.assign(note=SECRET), contract).findings == ()


def test_given_any_index_then_rows_are_counted_by_position(table: pd.DataFrame, contract: Contract) -> None:
    odd = with_value(table, "visits", 3, 999).set_axis([5] * 8, axis=0)
    (finding,) = validate_data(odd, contract).findings
    assert finding.example_rows == (3,)


# --- columns and rows


@pytest.mark.parametrize("column", ["customer", "visits", "plan", "left"])
def test_given_a_missing_column_then_it_is_named(
    column: str, table: pd.DataFrame, contract: Contract
) -> None:
    report = validate_data(table.drop(columns=column), contract)
    assert rules(report) == [(column, "missing_column", "error", 1)]


def test_given_unlabelled_rows_then_the_target_may_be_missing(
    table: pd.DataFrame, contract: Contract
) -> None:
    assert validate_data(table.drop(columns="left"), contract, labelled=False).findings == ()


def test_given_a_column_twice_then_it_is_named_and_not_read(table: pd.DataFrame, contract: Contract) -> None:
    twice = pd.concat([table, table[["visits"]]], axis=1)
    assert rules(validate_data(twice, contract)) == [("visits", "duplicate_column", "error", 2)]


def test_given_no_rows_then_the_table_is_empty(table: pd.DataFrame, contract: Contract) -> None:
    report = validate_data(table.head(0), contract)
    assert rules(report) == [(None, "empty_table", "error", 0)]
    with pytest.raises(DataValidationError, match=r"The table has no rows"):
        report.raise_for_errors()


def test_given_one_row_then_it_can_be_scored_but_not_trained_on(
    table: pd.DataFrame, contract: Contract
) -> None:
    assert validate_data(table.head(1), contract, labelled=False).findings == ()
    assert rules(validate_data(table.head(1), contract)) == [("left", "one_class", "error", 1)]


# --- whole tables


def test_given_the_real_telco_table_then_it_matches_the_default_contract(
    telco_csv: Path, telco_contract: Contract
) -> None:
    report = validate_data(load_table(telco_csv), telco_contract)
    assert report.findings == ()
    assert report.rows == 7043


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_given_sample_customers_then_they_match_the_default_contract(
    ending: str, tmp_path: Path, telco_contract: Contract
) -> None:
    path = tmp_path / f"sample{ending}"
    write_sample_data(path, 5000, seed=3)
    assert validate_data(load_table(path), telco_contract).findings == ()


def test_given_many_rows_then_validation_takes_seconds(telco_contract: Contract) -> None:
    table = generate_sample_data(200_000)
    started = time.perf_counter()
    report = validate_data(table, telco_contract)
    assert time.perf_counter() - started < 5
    assert report.ok
