"""The written configuration: readable, complete, and valid for any column names."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from churn_core.config import Settings, load_config, parse_config
from churn_core.data import validate_data
from churn_core.data.inspection import config_text, inspect_table
from churn_core.data.inspection.config_text import scalar
from churn_core.reader_rules import TextRules


def written(table: pd.DataFrame, target: str = "churned", **options: Any) -> tuple[str, Settings]:
    text = config_text(inspect_table(table, target, **options), "table.csv")
    return text, parse_config(yaml.safe_load(text))


def test_columns_are_in_the_tables_order_with_reasons(customers: pd.DataFrame) -> None:
    table = customers.assign(currency="EUR", joined=pd.Timestamp("2024-01-01"), zip=np.arange(2_000) % 90)
    table = table[["currency", "plan", "joined", "customer id", "zip", "spent", "visits", "churned"]]
    text, config = written(table)
    assert list(config.data.features) == ["plan", "zip", "spent", "visits"]
    assert config.data.features["zip"].model_dump()["max_levels"] == 50
    places = [text.index(f"{name}") for name in ("currency, which", "plan:", "zip:", "spent:", "visits:")]
    assert places == sorted(places)
    for reason in (
        "a single value",
        "90 different values",
        "The range has room",
        "label of customers who left",
    ):
        assert reason in text
    assert all(len(line) <= 110 for line in text.splitlines())


def test_the_configuration_declares_what_the_inspection_decided(customers: pd.DataFrame) -> None:
    found = inspect_table(customers, "churned")
    config = parse_config(yaml.safe_load(config_text(found, "table.csv")))
    assert config.data.id == "customer id"
    labels = {"positive": "yes", "negative": "no", "exclude": ()}
    assert config.data.target.model_dump() == {"column": "churned", **labels}
    features = {name: spec.model_dump(exclude_unset=True) for name, spec in config.data.features.items()}
    specs = {column.name: column.spec for column in found.features}
    assert json.loads(json.dumps(features)) == specs
    assert config.model == Settings.model_fields["model"].default


def test_the_reader_section_holds_only_what_differs_from_the_default(customers: pd.DataFrame) -> None:
    assert "reader:" not in written(customers)[0]
    visits = [f"{value:,}" for value in customers["visits"] * 1_000]
    visits[:2] = ["?", "n/a"]
    text, config = written(customers.assign(visits=visits, share=np.arange(2_000) % 90 + 0.5).astype(str))
    assert config.reader.rules.text == TextRules(thousands=",", missing_tokens=("?", "n/a"))
    assert "decimal" not in text.split("data:")[0]


def test_a_named_group_is_set_and_a_suggested_one_is_commented_out(customers: pd.DataFrame) -> None:
    table = customers.assign(**{"household id": np.arange(2_000) // 3})
    text, config = written(table)
    assert config.data.group is None
    assert "  # group: household id" in text
    assert written(table, group="household id")[1].data.group == "household id"


@pytest.mark.parametrize(
    "name",
    [
        *(
            "",
            "=",
            "null",
            "1",
            "2024-01-01",
            "yes",
            "a: b",
            "a #b",
            "- a",
            "? a",
            '"',
            "'",
            "{a}",
            "[a]",
            "%",
        ),
        *(
            "two\nlines",
            "tab\t",
            "\u2028",
            "\x85",
            "\ufeff",
            "größe",
            "客户",
            "🙂",
            "a" * 3_000,
            " ",
            "\\",
            "!x",
        ),
        *("...", "---", "*a", "&a", "<<", "~", "0x1f", "1_000", "true", "|", ">", "@", "`"),
    ],
)
def test_any_text_is_written_as_one_line_of_yaml_and_read_back(name: str) -> None:
    line = scalar(name)
    assert len(line.splitlines()) == 1
    assert yaml.safe_load(line) == name
    assert yaml.safe_load(f"# {line}\na:\n  b: {line}\n") == {"a": {"b": name}}


names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30)


@settings(max_examples=100, deadline=None)
@given(odd=st.lists(names, min_size=5, max_size=5, unique_by=lambda name: name.casefold()), label=names)
def test_given_any_names_then_the_configuration_is_valid_and_the_table_matches_it(
    odd: list[str], label: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    draw = np.random.default_rng(0)
    amount, plan, flag, constant, target = odd
    table = pd.DataFrame(
        {
            amount: draw.normal(size=60),
            plan: draw.choice(["a", "b"], 60),
            flag: draw.integers(0, 2, 60),
            constant: "x",
            target: draw.permutation([f"{label}?", f"{label}!"] * 30),
        }
    )
    text, config = written(table, target)
    # A column may happen to be called "ID".
    assert set(config.data.features) == {amount, plan, flag} - {config.data.id}
    assert validate_data(table, config.contract).findings == ()
    path = tmp_path_factory.mktemp("config") / "config.yaml"
    path.write_text(text, encoding="utf-8")
    assert load_config(path) == config
