"""Ids, row numbers and the keys of panels: found, and never features."""

from __future__ import annotations

import decimal
import uuid
from typing import Any

import numpy as np
import pandas as pd
import pytest

from churn_core.data.inspection import Inspection, inspect_table
from churn_core.data.inspection.keys.key_names import key_rank, names_a_measure, names_a_row_number

ROWS = 2_000
ID_NAMES = [
    *(
        "customer_id",
        "CustomerID",
        "CUSTOMERID",
        "custid",
        "cust_num",
        "Client Number",
        "CLIENTNUM",
        "clientnum",
    ),
    *(
        "accountid",
        "acct_nbr",
        "AccountNo",
        "subscr_no",
        "subscriberId",
        "member.no",
        "user_id",
        "uid",
        "msisdn",
    ),
    *("policy_number", "customer_key", "customer_hash", "customer code", "id", "uuid", "phone"),
    # German, Spanish, Portuguese, French, Italian, Dutch, Turkish
    *("Vertragsnr", "Vertrags-Nr.", "Kundennummer", "Kunden-Nr", "KdNr", "Mitgliedsnummer", "Kontonummer"),
    *("numero_cliente", "id_cliente", "idcliente", "número de cliente", "codigo_cliente", "NumeroContrato"),
    *("num_conta", "código do cliente", "cpf", "numéro_client", "identifiant client", "n° client"),
    *("codice cliente", "numero contratto", "klantnummer", "klant_nr", "müşteri no", "AboneNo", "musteriid"),
]
MEASURE_NAMES = [
    *("number_of_calls", "account_balance", "id_checks", "NumOfProducts", "num products", "no_of_days"),
    *("customer_service_calls", "number_customers", "account_age", "acc_days", "customer_value", "salary"),
    *("numero_de_clientes", "nombre_de_clients", "Anzahl Verträge", "saldo_conta", "Kontosaldo Betrag"),
]


def inspected(customers: pd.DataFrame, **columns: Any) -> Inspection:
    return inspect_table(customers.drop(columns="customer id").assign(**columns), "churned")


def rules(found: Inspection) -> list[tuple[str, str | None]]:
    return [(finding.rule, finding.column) for finding in found.findings]


def left_out(found: Inspection) -> dict[str, str | None]:
    return {column.name: column.reason for column in found.columns if column.role == "left_out"}


# ---------------------------------------------------------------- ids


@pytest.mark.parametrize("name", ID_NAMES)
def test_an_id_is_found_by_its_name_in_every_language_and_spelling(
    name: str, customers: pd.DataFrame
) -> None:
    numbers = np.random.default_rng(1).permutation(ROWS) * 3 + 100_000
    for ids in (numbers, [f"K{number}" for number in numbers]):
        found = inspected(customers, **{name: ids})
        assert (found.id_column, found.findings) == (name, ())


@pytest.mark.parametrize("name", MEASURE_NAMES)
def test_a_measure_is_no_key_because_of_a_word_in_its_name(name: str, customers: pd.DataFrame) -> None:
    assert (key_rank(name), names_a_measure(name)) == (0, True)
    amounts = np.random.default_rng(1).permutation(ROWS) * 3 + 100_000
    for values in (amounts, amounts % 90):
        found = inspect_table(customers.assign(**{name: values}), "churned")
        assert name in {column.name for column in found.features}
        assert (found.id_column, found.group_column, found.findings) == ("customer id", None, ())


@pytest.mark.parametrize(
    "name", ["paid", "valid", "void", "covid", "liquid", "casino", "Contract", "account type"]
)
def test_other_words_that_contain_one_for_a_key_are_none(name: str) -> None:
    assert key_rank(name) < 2


@pytest.mark.parametrize("stored", ["int64", "float64", "decimal", "text"])
def test_what_stores_an_id_does_not_matter(stored: str, customers: pd.DataFrame) -> None:
    numbers = [int(number) for number in np.random.default_rng(1).permutation(ROWS) + 12_000]
    stores: dict[str, Any] = {
        "int64": pd.Series(numbers),
        "float64": pd.Series(numbers, dtype="float64"),
        "decimal": pd.Series([decimal.Decimal(number) for number in numbers]),
        "text": pd.Series([str(number) for number in numbers]),
    }
    for name in ("cust_num", "kundennr"):
        assert inspected(customers, **{name: stores[stored]}).id_column == name
    # A second key is no feature either.
    both = inspect_table(customers.assign(accountid=stores[stored]), "churned")
    assert "accountid" not in {column.name for column in both.features}
    assert rules(both) == [("id_in_doubt", "accountid")]


def test_uuids_and_hashes_are_the_id_whatever_their_name(customers: pd.DataFrame) -> None:
    for form in ("{}", "{{{}}}"):
        found = inspected(customers, about=[form.format(uuid.UUID(int=n**5)) for n in range(ROWS)])
        assert (found.id_column, found.findings) == ("about", ())
    assert inspected(
        customers, about=[uuid.uuid5(uuid.NAMESPACE_DNS, str(n)).hex for n in range(ROWS)]
    ).id_column


def test_the_command_asks_for_the_id_if_only_the_form_speaks_for_a_column(customers: pd.DataFrame) -> None:
    numbers = np.random.default_rng(1).permutation(ROWS)
    for keys in (numbers * 7, 10**8 + numbers**2, [f"AB-{number:06d}" for number in numbers]):
        found = inspected(customers, about=keys)
        assert found.id_column is None
        assert ("id_in_doubt", "about") in rules(found)
        assert "about" not in {column.name for column in found.features}


def test_whole_numbers_that_are_different_by_chance_are_quantities(customers: pd.DataFrame) -> None:
    wide = np.random.default_rng(3).lognormal(17, 2, ROWS).astype(np.int64)
    assert len(set(wide.tolist())) == ROWS
    found = inspected(customers, x7=wide)
    assert "x7" in {column.name for column in found.features}
    assert found.findings == ()


def test_an_id_that_counts_upwards_stays_the_id(customers: pd.DataFrame) -> None:
    for name in ("customer_id", "id", "Kundennummer"):
        assert inspected(customers, **{name: range(1, ROWS + 1)}).id_column == name


@pytest.mark.parametrize("name", ["Unnamed: 0", "index", "RowNumber", "row_id", "Row ID", "lfd. Nr.", "x"])
def test_what_merely_numbers_the_rows_is_left_out_with_a_note(name: str, customers: pd.DataFrame) -> None:
    for numbers in (range(ROWS), np.arange(ROWS, 0, -1), np.arange(ROWS, dtype=np.float64)):
        found = inspected(customers, **{name: numbers})
        assert (found.id_column, left_out(found)) == (None, {name: "row_number"})
    beside = inspect_table(customers.assign(**{name: range(ROWS)}), "churned")
    assert beside.id_column == "customer id"


def test_a_saved_index_with_gaps_is_a_row_number_and_a_measured_index_is_none(
    customers: pd.DataFrame,
) -> None:
    gaps = np.sort(np.random.default_rng(1).permutation(5 * ROWS)[:ROWS])
    assert left_out(inspected(customers, **{"Unnamed: 0": gaps})) == {"Unnamed: 0": "row_number"}
    assert not names_a_row_number("price index")
    assert "index" in {column.name for column in inspected(customers, index=gaps % 40).features}


def test_a_nameless_first_column_is_left_out(customers: pd.DataFrame) -> None:
    table = pd.concat([pd.Series(range(ROWS), name=""), customers], axis=1)
    assert left_out(inspect_table(table, "churned")) == {"": "no_name"}


# ---------------------------------------------------------------- panels


def panel(customers: int, periods: int, name: str, *, text: bool = False) -> pd.DataFrame:
    draw = np.random.default_rng(customers + periods)
    numbers = draw.permutation(90_000)[:customers] + 1_000
    keys: Any = [f"u{number}" for number in numbers] if text else numbers
    rows = customers * periods
    return pd.DataFrame(
        {
            "day": np.tile(pd.date_range("2023-01-01", periods=periods).strftime("%Y-%m-%d"), customers),
            name: np.repeat(keys, periods),
            "logins": draw.integers(0, 6, rows),
            "score": draw.normal(size=rows).round(3),
            "churned": np.where(draw.random(rows) < 0.2, "yes", "no"),
        }
    )


@pytest.mark.parametrize(("customers", "periods"), [(5, 1_000), (120, 90), (900, 12), (2_500, 3)])
@pytest.mark.parametrize("name", ["user_id", "Kundennummer", "who"])
def test_the_key_of_a_panel_is_the_group_and_the_id(customers: int, periods: int, name: str) -> None:
    if name == "who" and customers < 20:
        pytest.skip("without a name, few keys may be regions")
    for text in (False, True):
        found = inspect_table(panel(customers, periods, name, text=text), "churned")
        assert (found.id_column, found.group_column) == (name, name)
        assert ("repeated_customer", name) in rules(found)
        assert {column.name for column in found.features} == {"logins", "score"}


def test_the_number_of_a_row_is_no_customers_id(customers: pd.DataFrame) -> None:
    table = panel(120, 90, "user_id").assign(record_id=np.random.default_rng(1).permutation(120 * 90))
    found = inspect_table(table, "churned")
    assert (found.id_column, found.group_column) == ("user_id", "user_id")
    assert left_out(found)["record_id"] == "naming"


def test_a_second_key_that_repeats_is_no_feature_either(customers: pd.DataFrame) -> None:
    table = panel(120, 90, "user_id")
    found = inspect_table(table.assign(account_no=table["user_id"] // 7), "churned")
    assert found.group_column == "user_id"
    assert left_out(found)["account_no"] == "other_key"


def test_an_id_that_repeats_in_a_few_rows_is_the_group_too(customers: pd.DataFrame) -> None:
    table = pd.concat([customers, customers.iloc[:3]], ignore_index=True)
    found = inspect_table(table, "churned")
    assert (found.id_column, found.group_column) == ("customer id", "customer id")


def test_an_id_with_gaps_is_the_group_and_the_user_is_told(customers: pd.DataFrame) -> None:
    keys = pd.Series([f"c{number // 2}" for number in range(ROWS)]).mask(np.arange(ROWS) % 50 == 0)
    found = inspected(customers, customer_id=keys)
    assert (found.id_column, found.group_column) == (None, "customer_id")
    assert ("id_incomplete", "customer_id") in rules(found)


def test_a_category_by_month_is_no_panel(customers: pd.DataFrame) -> None:
    draw = np.random.default_rng(5)
    months = draw.choice(pd.date_range("2023-01-01", periods=12, freq="MS"), ROWS)
    town = [f"town {number}" for number in draw.integers(0, 40, ROWS)]
    found = inspect_table(customers.assign(month=months, town=town), "churned")
    assert (found.id_column, found.group_column) == ("customer id", None)
