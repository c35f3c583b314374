"""Rows without a label, the id, the group, and the columns that a user names."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from churn_core.data.inspection import inspect_table
from churn_core.data.inspection.keys.key_names import key_rank
from churn_core.data.inspection.names import find_name, name_words
from churn_core.errors import DataError

# ---------------------------------------------------------------- labels


def test_rows_without_a_label_are_an_error(customers: pd.DataFrame) -> None:
    table = customers.assign(churned=customers["churned"].where(customers.index % 100 != 3))
    (finding,) = inspect_table(table, "churned").findings
    assert (finding.rule, finding.severity, finding.count) == ("missing_label", "error", 20)
    assert finding.example_rows == (3, 103, 203, 303, 403)


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("name", "words"),
    [
        *(("customerID", ["customer", "id"]), ("Customer No.", ["customer", "no"]), ("", [])),
        *(("zip_code2", ["zip", "code", "2"]), ("MSISDN", ["msisdn"]), ("Größe des Haushalts", None)),
    ],
)
def test_names_are_split_into_words(name: str, words: list[str] | None) -> None:
    assert name_words(name) == (words if words is not None else ["größe", "des", "haushalts"])


def test_a_customers_key_ranks_above_other_keys_and_quantities_rank_zero() -> None:
    assert key_rank("CustomerId") > key_rank("row id") > key_rank("customer") > key_rank("email id") == 0
    assert key_rank("Num.Of.Products") == key_rank("paid") == key_rank("valid") == 0


def test_a_name_is_found_despite_blanks_and_case_but_not_guessed() -> None:
    names = ["Churned ", "plan", "Plan", "größe"]
    assert find_name("Churned", names, "--target") == "Churned "
    assert find_name("plan", names, "--target") == "plan"
    assert find_name("GRO\u0308SSE".replace("SS", "ß"), names, "--target") == "größe"
    with pytest.raises(DataError, match="could be 'plan' or 'Plan'"):
        find_name("PLAN", names, "--id")
    with pytest.raises(DataError, match="did you mean 'Churned '"):
        find_name("Churn", names, "--target")


def test_a_corrected_name_has_a_finding_and_an_exact_one_has_none(customers: pd.DataFrame) -> None:
    blank = customers.rename(columns={"churned": "churned "})
    (finding,) = inspect_table(blank, "Churned").findings
    assert (finding.rule, finding.column) == ("name_corrected", "churned ")
    assert inspect_table(customers, "churned").findings == ()


# ---------------------------------------------------------------- id and group


def roles(table: pd.DataFrame, **options: Any) -> tuple[str | None, str | None, str | None]:
    found = inspect_table(table, "churned", **options)
    return found.id_column, found.group_column, found.group_offered


def test_the_id_is_found_by_its_name_and_its_values(customers: pd.DataFrame) -> None:
    assert roles(customers) == ("customer id", None, None)
    assert roles(customers.rename(columns={"customer id": "about"})) == (None, None, None)
    both = customers.assign(**{"row id": np.random.default_rng(1).permutation(len(customers))})
    assert roles(both[both.columns[::-1]])[0] == "customer id"
    assert roles(both, id_column="row id")[0] == "row id"


@pytest.mark.parametrize("name", ["row_number", "threshold"])
def test_a_column_with_a_name_that_results_use_does_not_become_the_id(
    customers: pd.DataFrame, name: str
) -> None:
    table = customers.rename(columns={"customer id": name})
    found = inspect_table(table, "churned", id_column=name)
    assert found.id_column is None
    assert "id_collides" in {f.rule for f in found.findings}


def test_customers_with_several_rows_are_grouped_automatically(customers: pd.DataFrame) -> None:
    keys = [f"c{number // 3}" for number in range(len(customers))]
    found = inspect_table(customers.assign(**{"customer id": keys}), "churned")
    assert (found.id_column, found.group_column) == ("customer id", "customer id")
    assert [f.rule for f in found.findings] == ["repeated_customer"]


def test_a_household_is_suggested_as_a_group_but_not_set(customers: pd.DataFrame) -> None:
    table = customers.assign(household_id=np.arange(len(customers)) // 3)
    found = inspect_table(table, "churned")
    assert (found.group_column, found.group_offered) == (None, "household_id")
    assert "group_offered" in {f.rule for f in found.findings}
    assert roles(table, group="household_id") == ("customer id", "household_id", None)


@pytest.mark.parametrize("name", ["agent_id", "account length", "customer age", "customer segment"])
def test_other_columns_that_repeat_are_not_groups(name: str, customers: pd.DataFrame) -> None:
    table = customers.assign(**{name: np.arange(len(customers)) // 3})
    assert roles(table) == ("customer id", None, None)


def test_a_named_id_that_repeats_becomes_the_group_too(customers: pd.DataFrame) -> None:
    table = customers.assign(who=[f"w{number // 2}" for number in range(len(customers))])
    assert roles(table, id_column="who") == ("who", "who", None)


@pytest.mark.parametrize("stored", ["float64", "wide"])
def test_an_id_stored_as_float_or_as_a_wide_decimal_is_the_id(customers: pd.DataFrame, stored: str) -> None:
    numbers = np.random.default_rng(1).permutation(len(customers)) + 12_000
    ids = [float(n) if stored == "float64" else int(n) * 10**25 for n in numbers]
    dtype = "float64" if stored == "float64" else object
    table = customers.drop(columns="customer id").assign(CustomerID=pd.Series(ids, dtype=dtype))
    assert inspect_table(table, "churned").id_column == "CustomerID"
    fractions = customers.drop(columns="customer id").assign(CustomerID=numbers + 0.5)
    assert inspect_table(fractions, "churned").id_column is None
