"""The paths of the API in OpenAPI 3.0.3, the newest version that API Gateway imports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from churn_core import __version__
from functions.score.inference_protocol import MODEL_NAME, datatypes
from functions.score.limits import MAX_BODY_BYTES, MAX_CUSTOMERS
from functions.score.model_info import typical_customer
from functions.score.openapi.schemas import reference, schemas
from functions.score.problems import JSON, PROBLEM

if TYPE_CHECKING:
    from churn_core.scoring.bundle import Bundle

_EXAMPLE_ID: Final = "7590-VHVEG"
_REFUSALS: Final = {
    400: "The body is not valid JSON, repeats a key, nests too deep, or is not UTF-8.",
    413: f"The body exceeds {MAX_BODY_BYTES:,} bytes, or the list {MAX_CUSTOMERS:,} customers.",
    415: "The body is not declared as plain JSON, or is compressed.",
    422: "Values do not fit the data contract; `errors` lists their places, never the values.",
    500: "The service failed.",
    503: "No model can be loaded, or too little time was left; `Retry-After` says when to try again.",
}
_SCORING: Final = tuple(_REFUSALS)
_REASONS: Final = {
    "name": "reasons",
    "in": "query",
    "description": "`top` for at most three reasons that push towards leaving, `all` for every column.",
    "schema": {"type": "string", "enum": ["top", "all"], "default": "top"},
}


def openapi_document(bundle: Bundle) -> dict[str, Any]:
    """Describe the API for the columns of one model.

    The model's version is left out, so that only a change of the data contract changes the document.
    """
    return {
        "openapi": "3.0.3",
        "info": {
            "title": "Churn scoring",
            "version": __version__,
            "description": "Scores customers: the probability that each one leaves, a decision whether to"
            " contact them, and the reasons. Each path of a GET answers HEAD too, without a body.",
        },
        "paths": _paths(bundle),
        "components": {"schemas": schemas(bundle)},
    }


def _paths(bundle: Bundle) -> dict[str, Any]:
    customer: dict[str, Any] = typical_customer(bundle)
    model = f"/v2/models/{MODEL_NAME}"
    tensors = [
        {"name": name, "datatype": datatype, "shape": [1], "data": [customer[name]]}
        for name, datatype in datatypes(bundle.contract).items()
    ]
    if bundle.contract.id_column:
        customer = {bundle.contract.id_column: _EXAMPLE_ID} | customer
    return {
        "/predict": {
            "post": _operation("predict", "Score one customer", "Prediction", _SCORING, "Scores")
            | {"parameters": [_REASONS], "requestBody": _body("Customer", customer)}
        },
        "/predict/batch": {
            "post": _operation("predictBatch", "Score many customers", "BatchPrediction", _SCORING, "Scores")
            | {"parameters": [_REASONS], "requestBody": _body("CustomerList", {"customers": [customer]})}
        },
        "/health": {"get": _operation("health", "Is the model loaded?", "Health", (503,))},
        "/model/info": {
            "get": _operation("modelInfo", "Columns, threshold and quality of the model", "ModelInfo", (503,))
        },
        "/openapi.json": {"get": _operation("openapi", "This document", "OpenApi", (503,))},
        "/v2": {"get": _v2("v2Server", "Name and version of the server")},
        "/v2/health/live": {"get": _v2("v2Live", "Does the server answer?")},
        "/v2/health/ready": {"get": _v2("v2Ready", "Is the model loaded?", refusals=(503,))},
        model: {"get": _v2("v2Model", "Inputs and outputs", refusals=(503,))},
        f"{model}/ready": {"get": _v2("v2ModelReady", "Same as /v2/health/ready", refusals=(503,))},
        f"{model}/infer": {
            "post": _v2("v2Infer", "Score columns", "V2Response", _SCORING)
            | {"requestBody": _body("V2Request", {"inputs": tensors})}
        },
    }


def _operation(
    name: str, summary: str, answer: str, refusals: tuple[int, ...], tag: str = "Service"
) -> dict[str, Any]:
    error = ("V2Error", JSON) if name.startswith("v2") else ("Problem", PROBLEM)
    return {
        "operationId": name,
        "tags": [tag],
        "summary": summary,
        "responses": {"200": _response("The answer.", answer, JSON)}
        | {str(status): _response(_REFUSALS[status], *error) for status in refusals},
    }


def _v2(name: str, summary: str, answer: str = "V2Object", refusals: tuple[int, ...] = ()) -> dict[str, Any]:
    return _operation(name, summary, answer, refusals, "Open Inference Protocol")


def _response(description: str, schema: str, content_type: str) -> dict[str, Any]:
    return {"description": description, "content": {content_type: {"schema": reference(schema)}}}


def _body(schema: str, example: dict[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": {JSON: {"schema": reference(schema), "example": example}}}
