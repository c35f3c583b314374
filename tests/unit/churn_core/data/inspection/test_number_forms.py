"""Marks, signs and missing tokens of numbers in text are found by all columns of a table together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest
import yaml

from churn_core.config import parse_config
from churn_core.data import load_csv, validate_data
from churn_core.data.inspection import config_text, inspect_table
from churn_core.data.inspection.number_forms import (
    MISSING_TOKENS,
    NumberForms,
    find_number_forms,
    marks_findings,
)
from churn_core.features.encoder import parse_table
from churn_core.reader_rules import TextRules

if TYPE_CHECKING:
    from pathlib import Path


def forms(**columns: list[str | None]) -> NumberForms:
    longest = max(map(len, columns.values()))
    table = pd.DataFrame(
        {name: pd.Series([*cells, *[""] * longest][:longest]) for name, cells in columns.items()}
    )
    return find_number_forms(table, list(table.columns))


def marks(**columns: list[str | None]) -> tuple[str, str | None]:
    rules = forms(**columns).rules
    return rules.decimal, rules.thousands


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"a": ["1", "20", "300"]}, (".", None)),
        ({"a": ["1.5", "20"]}, (".", None)),
        ({"a": ["1,5", "20"]}, (",", None)),
        ({"a": ["1,234.5", "20"]}, (".", ",")),
        ({"a": ["1.234,5", "20"]}, (",", ".")),
        ({"a": ["1.234", "20"], "b": ["2,5", "3,25"]}, (",", ".")),
        ({"a": ["1,234", "20"], "b": ["2.5", "3.25"]}, (".", ",")),
        ({"a": ["1 234,5", "20"]}, (",", " ")),
        ({"a": ["1\u00a0234.5", "20"]}, (".", " ")),
        ({"a": ["1'234.5", "20"]}, (".", "'")),
        ({"a": ["1\u2019234,5", "20"]}, (",", "'")),
        ({"a": ["0.125", "0.250"], "b": ["red", "blue"]}, (".", None)),
        ({"a": ["1,5", "2,5"], "b": ["3,5"], "c": ["1.5"]}, (",", None)),
        # Names, telephone numbers, dates and addresses are no numbers.
        ({"a": ["red", "blue"]}, (".", None)),
        ({"a": ["555 123 456", "555 987 654"]}, (".", None)),
        ({"a": ["12.05.2023", "1.6.2023"], "b": ["192.168.001.100", "10.20.30.40"]}, (".", None)),
    ],
)
def test_marks_fit_as_many_columns_as_possible(
    columns: dict[str, list[str | None]], expected: tuple[str, str | None]
) -> None:
    assert marks(**columns) == expected


def test_numbers_that_can_be_read_in_two_ways_are_named() -> None:
    found = forms(price=["1,234", "12,345"], seats=["1", "20"])
    assert (found.rules, found.ambiguous) == (TextRules(thousands=","), ("price",))
    (finding,) = marks_findings(found)
    assert (finding.rule, finding.column, finding.count) == ("ambiguous_marks", None, 1)
    for part in ("'price'", "'.' as decimal mark and ',' as thousands mark", "--reader decimal=,"):
        assert part in finding.message
    weights = forms(weight=["1.250", "12.375"])
    assert weights.ambiguous == ("weight",)
    assert "--reader decimal=, --reader thousands=." in marks_findings(weights)[0].message


def test_what_the_user_declares_is_not_searched_for() -> None:
    table = pd.DataFrame({"price": ["1,234", "12,345", "n.v."], "fee": ["1.5", "2.5", "3"]})
    declared = TextRules(decimal=",", missing_tokens=("N.V.",), date_formats=(("day", "DD.MM.YYYY"),))
    found = find_number_forms(table, ["price", "fee"], declared, marks_given=True)
    assert (found.rules, found.ambiguous, found.other_marks) == (declared, (), ("fee",))


@pytest.mark.parametrize(
    "columns",
    [
        {"price": ["1,234", "12,345"], "fee": ["2.5"]},
        {"price": ["1,234.00"]},
        {"price": ["1.234", "0.123"]},
        {"price": ["1,5"]},
        {"price": ["1234", "20"]},
    ],
)
def test_numbers_are_certain_where_a_cell_of_the_table_decides(columns: dict[str, list[str | None]]) -> None:
    assert forms(**columns).ambiguous == ()


def test_a_column_with_other_marks_than_the_table_is_named() -> None:
    found = forms(a=["1.5", "2.5"], b=["3.25"], c=["1,5"])
    assert found.other_marks == ("c",)
    assert [(finding.column, finding.rule) for finding in marks_findings(found)] == [("c", "other_marks")]


@pytest.mark.parametrize("token", MISSING_TOKENS)
def test_a_usual_token_in_a_column_of_numbers_is_declared(token: str) -> None:
    declared = () if token == "NaN" else (token,)  # It is missing without a declaration.
    assert forms(calls=["1", token, "3"]).rules.missing_tokens == declared
    assert forms(plan=["red", token, "blue"]).rules.missing_tokens == ()


def test_a_token_is_declared_once_as_it_is_first_spelled() -> None:
    assert forms(a=["1", "na", "NA", "n/a"], b=["Na", "2"]).rules.missing_tokens == ("n/a", "na")


@pytest.mark.parametrize(
    ("cells", "signs"),
    [
        (["$1.50", "$ 2"], ("$",)),
        (["1,50 \u20ac", "2 EUR", "7"], ("EUR", "\u20ac")),
        (["45 %", "7%", "0"], ("%",)),
        *(
            (cells, None)
            for cells in (["45 %", "0.45"], ["$5", "\u20ac5"], ["5 %", "5 $"], ["5 $ 5"], ["% 5"])
        ),
    ],
)
def test_signs_are_declared_if_all_numbers_of_a_column_mean_the_same_unit(
    cells: list[str | None], signs: tuple[str, ...] | None
) -> None:
    assert forms(x=cells).signs.get("x") == signs


def test_a_dressed_column_becomes_a_number_with_its_forms_declared(customers: pd.DataFrame) -> None:
    spent = customers["spent"] * 20
    dressed = [f"{value:,.2f} \u20ac".translate(str.maketrans(".,", ",.")) for value in spent]
    dressed[3] = "k.A."
    found = inspect_table(customers.assign(spent=dressed), "churned")
    assert found.text_rules == TextRules(",", ".", ("k.A.",))
    (plan,) = [column for column in found.features if column.name == "spent"]
    assert plan.spec["kind"] == "number"
    assert (plan.spec["stored_as"], plan.spec["signs"], plan.spec["nullable"]) == ("text", ["\u20ac"], True)
    assert not found.findings


def test_a_dressed_column_is_read_as_the_plain_one(customers: pd.DataFrame, tmp_path: Path) -> None:
    plain = customers.assign(spent=(customers["spent"] * 20).round(2), visits=customers["visits"] * 500)
    dressed = plain.assign(
        spent=[f"{value:,.2f} \u20ac".translate(str.maketrans(".,", ",.")) for value in plain["spent"]],
        visits=[f"{value:,}".replace(",", ".") for value in plain["visits"]],
    )
    read = []
    for name, table in (("plain", plain), ("dressed", dressed)):
        table.to_csv(tmp_path / f"{name}.csv", index=False)
        cells = load_csv(tmp_path / f"{name}.csv")
        contract = parse_config(yaml.safe_load(config_text(inspect_table(cells, "churned"), name))).contract
        assert validate_data(cells, contract).findings == ()
        read.append(parse_table(cells, contract))
    first, second = read
    pd.testing.assert_frame_equal(first, second)
