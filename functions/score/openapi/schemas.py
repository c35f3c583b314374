"""The schemas of requests and answers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from churn_core.schema import MAX_TEXT_LENGTH, NumberFeature
from churn_core.scoring.day_numbers import parse_fixed_day, write_date
from churn_core.scoring.records.answers import VALUE_KINDS
from churn_core.scoring.records.dates import date_forms
from churn_core.scoring.records.number_text import NumberText
from functions.score.errors import FAULT_CODES
from functions.score.inference_protocol import ELEMENT_TYPES, MODEL_NAME, OUTPUTS
from functions.score.limits import MAX_CUSTOMERS, MAX_ERRORS
from functions.score.model_info import typical_customer

if TYPE_CHECKING:
    from churn_core.reader_rules import TextRules
    from churn_core.schema import CategoryFeature, Contract, Feature
    from churn_core.scoring.bundle import Bundle

Schema = dict[str, Any]

_STRING: Final[Schema] = {"type": "string"}
_INTEGER: Final[Schema] = {"type": "integer"}
_NUMBER: Final[Schema] = {"type": "number"}
_BOOLEAN: Final[Schema] = {"type": "boolean"}

_LISTED_VALUES: Final = 20
"""Values of a category that its description lists."""
_BLANK: Final = "[ \\t\\n\\r]*"
_CATEGORY_PATTERN: Final = r"^[^\u0000]*[^\u0000\t\n\u000b\f\r ][^\u0000]*$"
"""Neither blank, which is missing, nor with a zero character."""
_NO_NUL: Final = r"^[^\u0000]*$"
_ID: Final[Schema] = {
    "anyOf": [
        _STRING | {"maxLength": MAX_TEXT_LENGTH, "pattern": "^[^\\u0000]*$"},
        _INTEGER | {"minimum": -(2**127), "maximum": 2**127 - 1},
        _BOOLEAN,
    ]
}


def reference(schema: str) -> Schema:
    """Return the reference to a schema of `schemas`."""
    return {"$ref": f"#/components/schemas/{schema}"}


def schemas(bundle: Bundle) -> dict[str, Schema]:
    """Return every schema by name, for the columns of one model."""
    customers = _list(reference("Customer"), minItems=1, maxItems=MAX_CUSTOMERS)
    return {
        "Customer": _customer(bundle),
        "CustomerList": _object({"customers": customers}) | {"additionalProperties": False},
        "Prediction": _prediction(bundle),
        "Reason": _reason(bundle),
        "BatchPrediction": _object(
            {
                "predictions": _list(reference("Prediction")),
                "total_customers": _INTEGER | {"minimum": 1},
                "predicted_churners": _INTEGER | {"minimum": 0},
            }
        ),
        "Health": _object({"status": _enum("ok"), "model_version": _STRING}),
        "ModelInfo": {"type": "object", "required": ["model_version", "threshold", "features"]},
        "OpenApi": {"type": "object", "required": ["openapi", "paths"]},
        "Problem": _problem(),
        **_v2_schemas(bundle),
    }


def _enum(*values: str) -> Schema:
    return _STRING | {"enum": list(values)}


def _list(items: Schema, **limits: int) -> Schema:
    return {"type": "array", "items": items} | limits


def _object(properties: dict[str, Schema], *optional: str) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
    }


def _customer(bundle: Bundle) -> Schema:
    contract = bundle.contract
    typical = typical_customer(bundle)
    properties: dict[str, Schema] = {}
    if contract.id_column is not None:
        properties[contract.id_column] = _ID | {
            "description": "Identifies the customer; returned with the answer, never an input of the model.",
            "nullable": True,
        }
    for feature in contract.features:
        if isinstance(feature, NumberFeature) and feature.days is not None:
            for column in feature.days.columns:
                properties[column] = _date(contract, column) | {"example": typical[column]}
        else:
            properties[feature.name] = _feature(feature, contract.reader.text) | {
                "example": typical[feature.name]
            }
    optional = [name for name in properties if properties[name].get("nullable")]
    return _object(properties, *optional) | {"additionalProperties": False}


def _feature(feature: Feature, rules: TextRules) -> Schema:
    schema = _number(feature, rules) if isinstance(feature, NumberFeature) else _category(feature)
    described = {} if feature.description.help is None else {"description": feature.description.help}
    return schema | described | ({"nullable": True} if feature.accepts_missing else {})


def _number(feature: NumberFeature, rules: TextRules) -> Schema:
    number = (_INTEGER if feature.integer else _NUMBER) | {
        "minimum": feature.minimum,
        "maximum": feature.maximum,
    }
    if not feature.stored_as_text:
        return number
    reading = NumberText(rules, feature.signs)
    forms = [reading.pattern, *(map(re.escape, rules.missing_tokens) if feature.nullable else ())]
    optional = "?" if feature.nullable else ""
    pattern = f"^{_BLANK}({'|'.join(forms)}){optional}{_BLANK}$"
    text = _STRING | {"maxLength": MAX_TEXT_LENGTH, "pattern": pattern}
    return {"anyOf": [number, text], "description": "A number, or text that contains a number."}


def _date(contract: Contract, column: str) -> Schema:
    forms = date_forms(contract.reader.text.date_format(column))
    nullable = contract.may_be_missing(column)
    pattern = f"({'|'.join(form.pattern for form in forms)}){'?' if nullable else ''}"
    text = _STRING | {"maxLength": MAX_TEXT_LENGTH, "pattern": f"^{_BLANK}{pattern}{_BLANK}$"}
    date = {"anyOf": [text, _INTEGER | {"minimum": 0}]} if forms[0].only_digits else text
    written = write_date(parse_fixed_day("2026-01-31"), contract.reader.text.date_format(column))
    described = {"description": f"A date such as `{written}`, with or without a time, which is dropped."}
    return date | described | ({"nullable": True} if nullable else {})


def _category(feature: CategoryFeature) -> Schema:
    known = ", ".join(f"`{value}`" for value in feature.vocabulary[:_LISTED_VALUES])
    more = len(feature.vocabulary) - _LISTED_VALUES
    # Blank text is a missing value.
    pattern = _NO_NUL if feature.accepts_missing else _CATEGORY_PATTERN
    text = _STRING | {"maxLength": MAX_TEXT_LENGTH, "pattern": pattern}
    return {
        "anyOf": [text, _INTEGER if feature.values == "text" else _NUMBER, _BOOLEAN],
        "description": f"The model knows {known}{f' and {more} more' if more > 0 else ''};"
        " any other value is scored as unknown, and its column is listed in `warnings`.",
    }


def _reason(bundle: Bundle) -> Schema:
    properties: dict[str, Schema] = {
        "feature": _enum(*bundle.contract.names),
        "value_kind": _enum(*VALUE_KINDS),
        "contribution": _NUMBER
        | {"description": "In log-odds, six decimals; above 0 it pushes towards leaving."},
    }
    if bundle.output is not None:
        properties |= {
            "label": _STRING | {"description": "The feature's name for people."},
            "value": {"description": "As the request has it; null where it is missing.", "nullable": True},
            "effect": _enum("raises", "lowers"),
            "strength": _enum("slightly", "clearly", "strongly"),
            "text": _STRING | {"description": "The reason as a sentence."},
        }
    return _object(properties)


def _prediction(bundle: Bundle) -> Schema:
    identifier = bundle.contract.id_column
    properties: dict[str, Schema] = {
        **({identifier: _ID | {"nullable": True}} if identifier else {}),
        "churn_probability": _NUMBER | {"minimum": 0, "maximum": 1, "description": "Six decimals."},
        "will_churn": _BOOLEAN | {"description": "Whether the probability reaches the threshold."},
        "threshold": _NUMBER,
        "risk": _enum("low", "medium", "high"),
        "reasons": _list(reference("Reason"))
        | {"description": "Columns that push towards leaving, strongest first."},
        "warnings": _list(_STRING)
        | {
            "description": "Columns with a value that training never saw, that is unexpectedly missing, or"
            " that is outside its expected range."
        },
        "model_version": _STRING,
    }
    if bundle.output is not None:
        properties["keeps"] = {
            "allOf": [reference("Reason")],
            "nullable": True,
            "description": "The column that pushes most towards staying; null where none does.",
        }
    if bundle.money is not None:
        properties["expected_profit"] = _NUMBER | {
            "description": "Expected profit of contacting this customer."
        }
    return _object(properties, *filter(None, [identifier]))


def _problem() -> Schema:
    fault = _object({"loc": _list({"anyOf": [_STRING, _INTEGER]}), "code": _enum(*FAULT_CODES)})
    return _object(
        {
            "type": _STRING | {"pattern": "^urn:churn:problem:[a-z-]+$"},
            "title": _STRING,
            "status": _INTEGER,
            "detail": _STRING,
            "instance": _STRING | {"description": "The request's id in the logs."},
            "errors": _list(fault, maxItems=MAX_ERRORS),
        },
        "errors",
    )


def _v2_schemas(bundle: Bundle) -> dict[str, Schema]:
    tensor = {
        "name": _enum(*bundle.contract.columns, *filter(None, [bundle.contract.id_column])),
        "datatype": _enum(*ELEMENT_TYPES),
        "shape": _list(_INTEGER | {"minimum": 1}, minItems=1, maxItems=2),
        "data": _list({}, minItems=1, maxItems=MAX_CUSTOMERS),
    }
    output = {
        "name": _enum(*OUTPUTS),
        "datatype": _enum(*OUTPUTS.values()),
        "shape": _list(_INTEGER),
        "data": _list({"oneOf": [_NUMBER, _STRING]}),
    }
    return {
        "V2Object": {"type": "object"},
        "V2Error": _object({"error": _STRING}),
        "V2Request": _object(
            {
                "id": _STRING | {"maxLength": MAX_TEXT_LENGTH, "nullable": True},
                "inputs": _list(_object(tensor), minItems=1),
                "outputs": _list(_object({"name": _enum(*OUTPUTS)})),
            },
            "id",
            "outputs",
        ),
        "V2Response": _object(
            {
                "model_name": _enum(MODEL_NAME),
                "model_version": _STRING,
                "id": _STRING,
                "parameters": _object({"warnings": _STRING}),
                "outputs": _list(_object(output)),
            },
            "id",
            "parameters",
        ),
    }
