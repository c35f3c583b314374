"""The routes of the API, the same under Lambda and under a web server."""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any, Final

import orjson
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from churn_core.errors import EXTRA_KEY_CODE, InvalidRecordsError
from churn_core.scoring.bundle import load_bundle
from churn_core.scoring.predictor import ChurnPredictor
from functions.score import inference_protocol
from functions.score.errors import FieldError, Problem, RequestRefusedError, invalid
from functions.score.limits import DEADLINE_RESERVE_MILLISECONDS, MAX_CUSTOMERS
from functions.score.problems import FIXED_HEADERS, JSON
from functions.score.request_body import read_json
from functions.score.settings import ScoreSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from churn_core.errors import ValueFault
    from functions.score.measurement import RequestMeasurement

router = APIGatewayRouter()  # type: ignore[no-untyped-call]


@functools.cache
def loaded_predictor() -> ChurnPredictor:
    """Return the predictor of this environment's bundle; only a successful load is cached.

    Raises
    ------
    BundleError
        If the bundle can't be used; the next call tries again.
    """
    return ChurnPredictor(load_bundle(ScoreSettings.from_environment().model_dir))


def predict() -> Response[str]:
    """Score the customer in the body; ``?reasons=all`` lists every feature's contribution."""
    all_reasons = _all_reasons()
    with _measurement().phase("Parse"):
        customer = read_json(router.current_event.raw_event)
    if not isinstance(customer, dict):
        raise invalid(FieldError((), "object_type"))
    return _json(_score([customer], lambda fault: (fault.column,), all_reasons)[0])


def predict_batch() -> Response[str]:
    """Score the customers in the body's list ``customers``."""
    all_reasons = _all_reasons()
    with _measurement().phase("Parse"):
        body = read_json(router.current_event.raw_event)
    customers = _customers(body)
    predictions = _score(customers, lambda fault: ("customers", fault.record, fault.column), all_reasons)
    return _json(
        {
            "predictions": predictions,
            "total_customers": len(predictions),
            "predicted_churners": sum(answer["will_churn"] for answer in predictions),
        }
    )


def health() -> Response[str]:
    """Return the model's version, or answer 503 if no model can be loaded."""
    return _json({"status": "ok", "model_version": loaded_predictor().bundle.model_version})


def info() -> Response[str]:
    """Describe the model: its columns, its threshold, its measured quality."""
    # Imported here, as in `openapi`: few requests need it, and a cold start is 4 ms faster without it.
    from functions.score.model_info import model_info

    return _json(model_info(loaded_predictor().bundle))


def openapi() -> Response[str]:
    """Describe this API, with the columns of the loaded model."""
    from functions.score.openapi.document import openapi_document

    return _json(openapi_document(loaded_predictor().bundle))


def v2_live() -> Response[str]:
    """Return ``{"live": true}``: the server is running."""
    return _json({"live": True})


def v2_ready() -> Response[str]:
    """Load the model and return ``{"ready": true}``; a model that can't be loaded gives an error."""
    loaded_predictor()
    return _json({"ready": True})


def v2_server() -> Response[str]:
    """Return name and version of this server."""
    return _json(inference_protocol.server_metadata())


def v2_model() -> Response[str]:
    """Return the model's inputs and outputs."""
    return _json(inference_protocol.model_metadata(loaded_predictor().bundle))


def v2_infer() -> Response[str]:
    """Score customers given column by column."""
    event = router.current_event.raw_event
    with _measurement().phase("Parse"):
        inference_protocol.refuse_binary(event)
        body = read_json(event, media_type_optional=True)
    predictor = loaded_predictor()
    customers, identifier = inference_protocol.read_request(body, predictor.contract)
    answers = _score(customers, lambda fault: ("inputs", fault.column, fault.record))
    return _json(inference_protocol.answer(identifier, answers, predictor.bundle))


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
"""Every route by path and method; other paths are answered 404, other methods 405."""

for _path, _methods in ROUTES.items():
    for _method, _function in _methods.items():
        router.route(_path, method=_method)(_function)


def _measurement() -> RequestMeasurement:
    measurement: RequestMeasurement = router.context["measurement"]
    return measurement


def _all_reasons() -> bool:
    reasons = router.current_event.get_query_string_value("reasons", "top")
    if reasons not in ("top", "all"):
        raise invalid(FieldError(("query", "reasons"), "not_allowed"))
    return reasons == "all"


def _customers(body: Any) -> list[dict[str, Any]]:
    if not isinstance(body, dict):
        raise invalid(FieldError((), "object_type"))
    extra = [FieldError((at,), EXTRA_KEY_CODE) for at, key in enumerate(body) if key != "customers"]
    customers = body.get("customers")
    if not isinstance(customers, list):
        code = "list_type" if "customers" in body else "missing"
        raise invalid(FieldError(("customers",), code), *extra)
    if len(customers) > MAX_CUSTOMERS:
        raise RequestRefusedError(Problem.TOO_MANY_ROWS)
    if not customers:
        raise invalid(FieldError(("customers",), "too_short"), *extra)
    wrong = [
        FieldError(("customers", at), "object_type")
        for at, customer in enumerate(customers)
        if not isinstance(customer, dict)
    ]
    if wrong or extra:
        raise invalid(*wrong, *extra)
    return customers


def _score(
    customers: Sequence[dict[str, Any]],
    place: Callable[[ValueFault], tuple[str | int, ...]],
    all_reasons: bool = False,
) -> list[dict[str, Any]]:
    """Score customers; `place` returns where in the body a faulty value is."""
    measurement = _measurement()
    predictor = loaded_predictor()
    with measurement.phase("Validate"):
        try:
            matrix = predictor.encode(customers)
        except InvalidRecordsError as error:
            raise invalid(*(FieldError(place(fault), fault.code) for fault in error.faults)) from None
    if router.lambda_context.get_remaining_time_in_millis() < DEADLINE_RESERVE_MILLISECONDS:
        raise RequestRefusedError(Problem.TIMEOUT)
    with measurement.phase("Score"):
        answers = predictor.answer(customers, matrix, all_reasons=all_reasons)
    measurement.count(answers)
    return answers


def _json(content: dict[str, Any]) -> Response[str]:
    try:
        body = orjson.dumps(content).decode()
    except TypeError:
        # An id may be an integer with more than 64 bits, which orjson cannot write.
        body = json.dumps(content, allow_nan=False)
    return Response(status_code=200, content_type=JSON, body=body, headers=FIXED_HEADERS)
