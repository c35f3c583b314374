"""infra/openapi.json describes the default contract and the routes of the code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from churn_core.scoring.bundle import load_bundle
from functions.score.limits import MAX_CUSTOMERS
from functions.score.openapi.document import openapi_document
from functions.score.routes import ROUTES

if TYPE_CHECKING:
    from churn_core.scoring.bundle import Bundle

COMMITTED = Path(__file__).resolve().parents[3] / "infra" / "openapi.json"


@pytest.fixture(scope="module")
def bundle(sample_bundle: Path) -> Bundle:
    return load_bundle(sample_bundle)


@pytest.fixture(scope="module")
def document(bundle: Bundle) -> dict[str, Any]:
    return openapi_document(bundle)


def test_the_committed_document_is_current(document: dict[str, Any]) -> None:
    assert json.loads(COMMITTED.read_text(encoding="utf-8")) == document, "run 'make openapi'"


def test_the_document_has_exactly_the_routes(document: dict[str, Any]) -> None:
    described = {path: {method.upper() for method in methods} for path, methods in document["paths"].items()}
    # HEAD is described once, in words: a form for each path would add nothing.
    assert described == {path: set(methods) - {"HEAD"} for path, methods in ROUTES.items()}


def test_the_schema_of_a_customer_follows_the_contract(document: dict[str, Any], bundle: Bundle) -> None:
    schema = document["components"]["schemas"]["Customer"]
    assert set(schema["properties"]) == {"customerID", *bundle.contract.names}
    numbers = {feature.name for feature in bundle.contract.numbers}
    # A missing category is scored with a warning.
    assert set(schema["required"]) == numbers - {"TotalCharges"}
    assert schema["additionalProperties"] is False
    tenure = schema["properties"]["tenure"]
    assert (tenure["type"], tenure["minimum"], tenure["maximum"]) == ("integer", 0, 120)
    assert "`Month-to-month`, `One year`, `Two year`" in schema["properties"]["Contract"]["description"]


def test_the_document_has_the_limits(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert schemas["CustomerList"]["properties"]["customers"]["maxItems"] == MAX_CUSTOMERS
    texts = [
        schema
        for schema in schemas["Customer"]["properties"]["gender"]["anyOf"]
        if schema["type"] == "string"
    ]
    assert [text["maxLength"] for text in texts] == [256]


def test_the_document_does_not_depend_on_the_model_version(document: dict[str, Any], bundle: Bundle) -> None:
    assert bundle.model_version not in json.dumps(document)
    assert bundle.model_digest not in json.dumps(document)
