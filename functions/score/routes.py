"""What the API answers; free of the place where it runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import orjson
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from churn_core.errors import InvalidRecordsError
from functions.score import inference_protocol
from functions.score.errors import DeadlineError, FieldError, TooManyRowsError, ValidationError
from functions.score.limits import DEADLINE_RESERVE_MILLISECONDS, MAX_CUSTOMERS
from functions.score.model import loaded_predictor
from functions.score.model_info import model_info
from functions.score.openapi import openapi_document
from functions.score.problems import FIXED_HEADERS, JSON
from functions.score.request_body import read_json

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from churn_core.errors import ValueFault
    from functions.score.measurement import RequestMeasurement

router = APIGatewayRouter()  # type: ignore[no-untyped-call]


def predict() -> Response[str]:
    """Score the customer in the body; ``?reasons=all`` lists every feature's contribution."""
    all_reasons = _all_reasons()
    with _measurement().phase("Parse"):
        customer = read_json(router.current_event.raw_event)
    if not isinstance(customer, dict):
        raise ValidationError((FieldError((), "object_type"),))
    return _json(_scored([customer], all_reasons, lambda fault: (fault.column,))[0])


def predict_batch() -> Response[str]:
    """Score the customers in the body's list ``customers``."""
    all_reasons = _all_reasons()
    with _measurement().phase("Parse"):
        body = read_json(router.current_event.raw_event)
    customers = _customers(body)
    predictions = _scored(customers, all_reasons, _place_in_list)
    return _json(
        {
            "predictions": predictions,
            "total_customers": len(predictions),
            "predicted_churners": sum(answer["will_churn"] for answer in predictions),
        }
    )


def health() -> Response[str]:
    """Tell that the model is loaded, and which one; 503 where it can't be."""
    return _json({"status": "ok", "model_version": loaded_predictor().bundle.model_version})


def info() -> Response[str]:
    """Describe the model: its columns, its threshold, its measured quality."""
    return _json(model_info(loaded_predictor().bundle))


def openapi() -> Response[str]:
    """Describe this API, with the columns of the model that it answers with."""
    return _json(openapi_document(loaded_predictor().bundle))


def v2_live() -> Response[str]:
    """Tell that the server answers."""
    return _json({"live": True})


def v2_ready() -> Response[str]:
    """Tell that the model can be used."""
    loaded_predictor()
    return _json({"ready": True})


def v2_server() -> Response[str]:
    """Name this server."""
    return _json(inference_protocol.server_metadata())


def v2_model() -> Response[str]:
    """Name the model's inputs and outputs."""
    return _json(inference_protocol.model_metadata(loaded_predictor().bundle))


def v2_infer() -> Response[str]:
    """Score customers given column by column."""
    measurement = _measurement()
    with measurement.phase("Parse"):
        inference_protocol.refuse_binary(router.current_event.raw_event)
        body = read_json(router.current_event.raw_event, media_type_optional=True)
    predictor = loaded_predictor()
    request = inference_protocol.read_request(body, predictor.contract)
    answers = _scored(request.customers, False, _place_in_inputs)
    return _json(inference_protocol.answer(request, answers, predictor.bundle))


ROUTES: Final[dict[str, dict[str, Callable[[], Response[str]]]]] = {
    "/predict": {"POST": predict},
    "/predict/batch": {"POST": predict_batch},
    "/health": {"GET": health},
    "/model/info": {"GET": info},
    "/openapi.json": {"GET": openapi},
    "/v2": {"GET": v2_server},
    "/v2/health/live": {"GET": v2_live},
    "/v2/health/ready": {"GET": v2_ready},
    "/v2/models/churn": {"GET": v2_model},
    "/v2/models/churn/ready": {"GET": v2_ready},
    "/v2/models/churn/infer": {"POST": v2_infer},
}
"""Every route by path and method: what is registered, and what 404 and 405 are decided by."""

for _path, _methods in ROUTES.items():
    for _method, _function in _methods.items():
        router.route(_path, method=_method)(_function)


def _measurement() -> RequestMeasurement:
    measurement: RequestMeasurement = router.context["measurement"]
    return measurement


def _all_reasons() -> bool:
    reasons = router.current_event.get_query_string_value("reasons", "top")
    if reasons not in ("top", "all"):
        raise ValidationError((FieldError(("query", "reasons"), "not_allowed"),))
    return reasons == "all"


def _customers(body: Any) -> list[dict[str, Any]]:
    if not isinstance(body, dict):
        raise ValidationError((FieldError((), "object_type"),))
    extra = tuple(
        FieldError((position,), "extra_forbidden") for position, key in enumerate(body) if key != "customers"
    )
    if "customers" not in body:
        raise ValidationError((FieldError(("customers",), "missing"), *extra))
    customers = body["customers"]
    if not isinstance(customers, list):
        raise ValidationError((FieldError(("customers",), "list_type"), *extra))
    if len(customers) > MAX_CUSTOMERS:
        raise TooManyRowsError
    wrong = tuple(
        FieldError(("customers", position), "object_type")
        for position, customer in enumerate(customers)
        if not isinstance(customer, dict)
    )
    if not customers:
        wrong = (FieldError(("customers",), "too_short"),)
    if wrong or extra:
        raise ValidationError((*wrong, *extra))
    return customers


def _scored(
    customers: Sequence[dict[str, Any]],
    all_reasons: bool,
    place: Callable[[ValueFault], tuple[str | int, ...]],
) -> list[dict[str, Any]]:
    """Score customers; `place` tells where in the body a faulty value stands."""
    measurement = _measurement()
    predictor = loaded_predictor()
    with measurement.phase("Validate"):
        try:
            matrix = predictor.encode(customers)
        except InvalidRecordsError as error:
            raise ValidationError(
                tuple(FieldError(place(fault), fault.code) for fault in error.faults)
            ) from None
    if router.lambda_context.get_remaining_time_in_millis() < DEADLINE_RESERVE_MILLISECONDS:
        raise DeadlineError
    with measurement.phase("Score"):
        answers = predictor.answer(customers, matrix, all_reasons=all_reasons)
    measurement.count(answers)
    return answers


def _place_in_list(fault: ValueFault) -> tuple[str | int, ...]:
    return ("customers", fault.record, fault.column)


def _place_in_inputs(fault: ValueFault) -> tuple[str | int, ...]:
    return ("inputs", fault.column, fault.record)


def _json(content: dict[str, Any]) -> Response[str]:
    try:
        body = orjson.dumps(content).decode()
    except TypeError:
        # An id may be a whole number of more than 64 bits, which is all that orjson writes.
        body = json.dumps(content, allow_nan=False)
    return Response(status_code=200, content_type=JSON, body=body, headers=FIXED_HEADERS)
