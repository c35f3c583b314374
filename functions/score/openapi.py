"""The API's description (OpenAPI 3.0.3, which API Gateway imports too), made from a bundle's contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from churn_core import __version__
from churn_core.errors import REJECT_CODES
from churn_core.schema import MAX_TEXT_LENGTH, NumberFeature
from churn_core.scoring.records.values import NUMBER_TEXT
from functions.score.inference_protocol import MODEL_NAME, OUTPUT
from functions.score.limits import MAX_BODY_BYTES, MAX_CUSTOMERS, MAX_ERRORS
from functions.score.model_info import typical_customer
from functions.score.problems import JSON, PROBLEM

if TYPE_CHECKING:
    from churn_core.schema import CategoryFeature, Feature
    from churn_core.scoring.bundle import Bundle

Schema = dict[str, Any]

_NAMED_VALUES: Final = 20
_EXAMPLE_ID: Final = "7590-VHVEG"
_CATEGORY_PATTERN: Final = r"^[^\u0000]*[^\u0000\t\n\u000b\f\r ][^\u0000]*$"
"""Neither blank, which is missing, nor with a zero character."""
_BODY_CODES: Final = ("extra_forbidden", "too_short", "list_type", "object_type", "not_allowed")
_REFUSALS: Final = {
    400: "The body is no JSON, names a key twice, nests too deep, or is not UTF-8.",
    405: "The path takes another method.",
    413: f"The body exceeds {MAX_BODY_BYTES:,} bytes, or the list {MAX_CUSTOMERS:,} customers.",
    415: "The body is not declared as plain JSON, or is compressed.",
    422: "Values do not fit the data contract; `errors` names their places, never the values.",
    500: "A defect of the service.",
    503: "No model can be used, or too little time was left; `Retry-After` says when to try again.",
}


_SCORING_REFUSALS: Final = [400, 413, 415, 422, 500, 503]


def openapi_document(bundle: Bundle) -> dict[str, Any]:
    """Describe the API for the columns of one model.

    The model's version is left out: the document changes when the data contract does, not with each
    training.
    """
    return {
        "openapi": "3.0.3",
        "info": {
            "title": "Churn scoring",
            "version": __version__,
            "description": "Who will leave, why, and whom to call: a probability, a decision and the reasons"
            " for each customer.",
        },
        "paths": _paths(bundle),
        "components": {"schemas": _schemas(bundle)},
    }


def _paths(bundle: Bundle) -> dict[str, Any]:
    customer = _example(bundle)
    reasons = {
        "name": "reasons",
        "in": "query",
        "description": "`top` for at most three that push towards leaving, `all` for every column.",
        "schema": {"type": "string", "enum": ["top", "all"], "default": "top"},
    }
    return {
        "/predict": {
            "post": _operation("predict", "Score one customer", "Prediction", _SCORING_REFUSALS, "Scores")
            | {"parameters": [reasons], "requestBody": _body("Customer", customer)}
        },
        "/predict/batch": {
            "post": _operation(
                "predictBatch", "Score many customers", "BatchPrediction", _SCORING_REFUSALS, "Scores"
            )
            | {"parameters": [reasons], "requestBody": _body("CustomerList", {"customers": [customer]})}
        },
        "/health": {"get": _operation("health", "Is the model loaded?", "Health", [503])},
        "/model/info": {
            "get": _operation("modelInfo", "Columns, threshold and quality of the model", "ModelInfo", [503])
        },
        "/openapi.json": {"get": _operation("openapi", "This document", "OpenApi", [503])},
        "/v2": {"get": _v2("v2Server", "Name and version of the server", "V2Object", [])},
        "/v2/health/live": {"get": _v2("v2Live", "Does the server answer?", "V2Object", [])},
        "/v2/health/ready": {"get": _v2("v2Ready", "Can the model be used?", "V2Object", [503])},
        f"/v2/models/{MODEL_NAME}": {"get": _v2("v2Model", "Inputs and outputs", "V2Object", [503])},
        f"/v2/models/{MODEL_NAME}/ready": {
            "get": _v2("v2ModelReady", "As /v2/health/ready", "V2Object", [503])
        },
        f"/v2/models/{MODEL_NAME}/infer": {
            "post": _v2("v2Infer", "Score columns", "V2Response", _SCORING_REFUSALS)
            | {"requestBody": _body("V2Request", _v2_example(bundle, customer))}
        },
    }


def _operation(
    name: str, summary: str, answer: str, refusals: list[int], tag: str = "Service"
) -> dict[str, Any]:
    return {
        "operationId": name,
        "tags": [tag],
        "summary": summary,
        "responses": {"200": _response("The answer.", JSON, answer)}
        | {str(status): _response(_REFUSALS[status], PROBLEM, "Problem") for status in refusals},
    }


def _v2(name: str, summary: str, answer: str, refusals: list[int]) -> dict[str, Any]:
    operation = _operation(name, summary, answer, [], "Open Inference Protocol")
    operation["responses"] |= {
        str(status): _response(_REFUSALS[status], JSON, "V2Error") for status in refusals
    }
    return operation


def _response(description: str, content_type: str, schema: str) -> dict[str, Any]:
    return {"description": description, "content": {content_type: {"schema": _reference(schema)}}}


def _body(schema: str, example: dict[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": {JSON: {"schema": _reference(schema), "example": example}}}


def _reference(schema: str) -> Schema:
    return {"$ref": f"#/components/schemas/{schema}"}


def _example(bundle: Bundle) -> dict[str, Any]:
    identifier = bundle.contract.id_column
    return ({identifier: _EXAMPLE_ID} if identifier else {}) | typical_customer(bundle)


def _v2_example(bundle: Bundle, customer: dict[str, Any]) -> dict[str, Any]:
    return {
        "inputs": [
            {
                "name": feature.name,
                "datatype": ("INT64" if feature.integer else "FP64")
                if isinstance(feature, NumberFeature)
                else "BYTES",
                "shape": [1],
                "data": [customer[feature.name]],
            }
            for feature in bundle.contract.features
        ]
    }


def _schemas(bundle: Bundle) -> dict[str, Schema]:
    return {
        "Customer": _customer(bundle),
        "CustomerList": _object(
            {
                "customers": {
                    "type": "array",
                    "items": _reference("Customer"),
                    "minItems": 1,
                    "maxItems": MAX_CUSTOMERS,
                }
            },
            closed=True,
        ),
        "Prediction": _prediction(bundle),
        "Reason": _object(
            {
                "feature": {"type": "string", "enum": list(bundle.contract.names)},
                "value_kind": {"type": "string", "enum": ["known", "unknown", "missing"]},
                "contribution": {
                    "type": "number",
                    "description": "In log-odds, six decimals; above 0 it pushes towards leaving.",
                },
            }
        ),
        "BatchPrediction": _object(
            {
                "predictions": {"type": "array", "items": _reference("Prediction")},
                "total_customers": {"type": "integer", "minimum": 1},
                "predicted_churners": {"type": "integer", "minimum": 0},
            }
        ),
        "Health": _object(
            {"status": {"type": "string", "enum": ["ok"]}, "model_version": {"type": "string"}}
        ),
        "ModelInfo": {"type": "object", "required": ["model_version", "threshold", "features"]},
        "OpenApi": {"type": "object", "required": ["openapi", "paths"]},
        "Problem": _problem(),
        **_v2_schemas(bundle),
    }


def _object(properties: dict[str, Schema], optional: tuple[str, ...] = (), *, closed: bool = False) -> Schema:
    schema: Schema = {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
    }
    if closed:
        schema["additionalProperties"] = False
    return schema


def _customer(bundle: Bundle) -> Schema:
    contract = bundle.contract
    typical = typical_customer(bundle)
    properties: dict[str, Schema] = {}
    if contract.id_column is not None:
        properties[contract.id_column] = _id_schema() | {
            "description": "Names the customer; handed back, never a model input.",
            "nullable": True,
        }
    for feature in contract.features:
        properties[feature.name] = _feature(feature) | {"example": typical[feature.name]}
    optional = tuple(name for name in properties if properties[name].get("nullable"))
    return _object(properties, optional, closed=True)


def _id_schema() -> Schema:
    return {
        "anyOf": [
            {"type": "string", "maxLength": MAX_TEXT_LENGTH, "pattern": "^[^\\u0000]*$"},
            {"type": "number"},
            {"type": "boolean"},
        ]
    }


def _feature(feature: Feature) -> Schema:
    schema = _number(feature) if isinstance(feature, NumberFeature) else _category(feature)
    return schema | ({"nullable": True} if feature.nullable else {})


def _number(feature: NumberFeature) -> Schema:
    number: Schema = {
        "type": "integer" if feature.integer else "number",
        "minimum": feature.minimum,
        "maximum": feature.maximum,
    }
    if not feature.stored_as_text:
        return number
    blank = "[ \\t\\n\\r]*"
    text: Schema = {
        "type": "string",
        "maxLength": MAX_TEXT_LENGTH,
        "pattern": f"^{blank}({NUMBER_TEXT}){'?' if feature.nullable else ''}{blank}$",
    }
    return {"anyOf": [number, text], "description": "A number, or text that reads as one."}


def _category(feature: CategoryFeature) -> Schema:
    known = ", ".join(f"`{value}`" for value in feature.vocabulary[:_NAMED_VALUES])
    more = len(feature.vocabulary) - _NAMED_VALUES
    return {
        "anyOf": [
            {"type": "string", "maxLength": MAX_TEXT_LENGTH, "pattern": _CATEGORY_PATTERN},
            {"type": "integer"},
            {"type": "boolean"},
        ],
        "description": f"The model knows {known}{f' and {more} more' if more > 0 else ''};"
        " any other value is scored as unknown and named in `warnings`.",
    }


def _prediction(bundle: Bundle) -> Schema:
    identifier = bundle.contract.id_column
    share = {"type": "number", "minimum": 0, "maximum": 1}
    properties: dict[str, Schema] = {
        **({identifier: _id_schema() | {"nullable": True}} if identifier else {}),
        "churn_probability": share | {"description": "Six decimals."},
        "will_churn": {"type": "boolean", "description": "Whether the probability reaches the threshold."},
        "threshold": {"type": "number"},
        "risk": {"type": "string", "enum": ["low", "medium", "high"]},
        "reasons": {
            "type": "array",
            "items": _reference("Reason"),
            "description": "Columns that push towards leaving, strongest first.",
        },
        "warnings": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Columns whose value the model has never seen.",
        },
        "model_version": {"type": "string"},
    }
    if bundle.money is not None:
        properties["expected_profit"] = {
            "type": "number",
            "description": "What contacting this customer is expected to earn.",
        }
    return _object(properties, (identifier,) if identifier else ())


def _problem() -> Schema:
    return _object(
        {
            "type": {"type": "string", "pattern": "^urn:churn:problem:[a-z-]+$"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "instance": {"type": "string", "description": "The request's id in the logs."},
            "errors": {
                "type": "array",
                "maxItems": MAX_ERRORS,
                "items": _object(
                    {
                        "loc": {
                            "type": "array",
                            "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
                        },
                        "code": {"type": "string", "enum": [*REJECT_CODES, *_BODY_CODES]},
                    }
                ),
            },
        },
        ("errors",),
    )


def _v2_schemas(bundle: Bundle) -> dict[str, Schema]:
    names = [*bundle.contract.names, *([bundle.contract.id_column] if bundle.contract.id_column else [])]
    data: Schema = {"type": "array", "items": {}, "minItems": 1, "maxItems": MAX_CUSTOMERS}
    tensor: dict[str, Schema] = {
        "name": {"type": "string", "enum": names},
        "datatype": {"type": "string", "enum": ["BYTES", "BOOL", "INT64", "INT32", "FP64", "FP32"]},
        "shape": {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 1, "maxItems": 2},
        "data": data,
    }
    output: dict[str, Schema] = {
        "name": {"type": "string", "enum": [OUTPUT]},
        "datatype": {"type": "string", "enum": ["FP64"]},
        "shape": {"type": "array", "items": {"type": "integer"}},
        "data": {"type": "array", "items": {"type": "number"}},
    }
    return {
        "V2Object": {"type": "object"},
        "V2Error": _object({"error": {"type": "string"}}),
        "V2Request": _object(
            {
                "id": {"type": "string", "maxLength": MAX_TEXT_LENGTH, "nullable": True},
                "inputs": {"type": "array", "minItems": 1, "items": _object(tensor)},
                "outputs": {
                    "type": "array",
                    "items": _object({"name": {"type": "string", "enum": [OUTPUT]}}),
                },
            },
            ("id", "outputs"),
        ),
        "V2Response": _object(
            {
                "model_name": {"type": "string", "enum": [MODEL_NAME]},
                "model_version": {"type": "string"},
                "id": {"type": "string"},
                "outputs": {"type": "array", "items": _object(output)},
            },
            ("id",),
        ),
    }
