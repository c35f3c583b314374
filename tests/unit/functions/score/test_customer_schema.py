"""The schema of a customer accepts the forms of values that the data contract declares."""

from __future__ import annotations

import re
from typing import Any

import pytest

from churn_core.reader_rules import ReaderRules, TextRules
from churn_core.schema import CategoryFeature, Contract, NumberFeature
from functions.score.openapi.schemas import schemas
from tests.mirror_model import mirror

CONTRACT = Contract(
    (
        NumberFeature("price", 0, 1e6, nullable=True, stored_as_text=True, signs=("\u20ac", "$")),
        CategoryFeature("plan", ("basic",)),
        CategoryFeature("senior", ("0", "1"), values="integer"),
    ),
    *("left", "yes", "no"),
    reader=ReaderRules(TextRules(",", ".", ("n/a", "?"))),
)


def property_of(name: str) -> dict[str, Any]:
    found: dict[str, Any] = schemas(mirror(CONTRACT).bundle)["Customer"]["properties"][name]
    return found


@pytest.mark.parametrize("text", ["1.234,50 \u20ac", "$ 12", "-3,5", " 7 ", "", "n/a", "?"])
def test_declared_forms_of_a_number_match(text: str) -> None:
    assert re.search(property_of("price")["anyOf"][1]["pattern"], text)


@pytest.mark.parametrize("text", ["1.23", "12 %", "12 EUR", "unknown", "n"])
def test_other_forms_do_not_match(text: str) -> None:
    assert not re.search(property_of("price")["anyOf"][1]["pattern"], text)


def test_only_a_category_that_is_compared_by_value_accepts_whole_floats() -> None:
    kinds = {name: [kind["type"] for kind in property_of(name)["anyOf"]] for name in ("plan", "senior")}
    assert kinds == {"plan": ["string", "integer", "boolean"], "senior": ["string", "number", "boolean"]}
