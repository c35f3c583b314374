"""Lambda handler of the online half, behind API Gateway."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, CORSConfig, Response

from churn_core.errors import BundleError
from functions.score.errors import BadEventError, MethodNotAllowedError, NotFoundError
from functions.score.measurement import RequestMeasurement, add_metrics
from functions.score.model import loaded_predictor
from functions.score.problems import problem_response, refusal
from functions.score.request_body import check_header_size
from functions.score.routes import ROUTES, router
from functions.score.settings import ScoreSettings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9-]{1,64}")
_PREFLIGHT: Final = "OPTIONS"

logger = Logger(service="churn-score")
metrics = Metrics(namespace="Churn", service="churn-score")
_origins = ScoreSettings.from_environment().cors_origins
app = APIGatewayRestResolver(
    cors=CORSConfig(_origins[0], extra_origins=list(_origins[1:]), max_age=600) if _origins else None
)
app.include_router(router)

try:
    # Loaded while the environment starts, where the processor is at full speed and nobody waits.
    loaded_predictor()
except BundleError as unusable:
    # Not fatal here: each request tries again and is answered 503, instead of a crash with an opaque 502.
    logger.error("The model can't be loaded", extra={"reason": str(unusable)})  # noqa: TRY400


class InvocationContext(Protocol):
    """What is asked of Lambda's context, or of whatever stands in for it."""

    @property
    def aws_request_id(self) -> str:
        """Return the invocation's id."""

    def get_remaining_time_in_millis(self) -> int:
        """Return how long the invocation may still last."""


def _refuse(error: Exception) -> Response[str]:
    return problem_response(
        refusal(error, logger),
        app.current_event.path,
        _request_id(app.current_event.raw_event, app.lambda_context),
    )


app.exception_handler(Exception)(_refuse)


def respond(event: Any, context: InvocationContext, measurement: RequestMeasurement) -> dict[str, Any]:
    """Answer one API Gateway (REST) proxy event, whatever it holds.

    Parameters
    ----------
    event : Any
        What the function was called with.
    context : InvocationContext
    measurement : RequestMeasurement
        Filled in.
    """
    try:
        _check_route(event)
        check_header_size(event)
        app.append_context(measurement=measurement)  # type: ignore[no-untyped-call]
        return app.resolve(event, cast("LambdaContext", context))
    except Exception as error:  # noqa: BLE001
        # The last resort for an event that the resolver can't read, or a defect in what surrounds it.
        path = event["path"] if _is_proxy_event(event) else ""
        return _as_proxy_answer(problem_response(refusal(error, logger), path, _request_id(event, context)))


@logger.inject_lambda_context
@metrics.log_metrics(capture_cold_start_metric=True)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one API Gateway (REST) proxy event, and measure it."""
    request_id = _request_id(event, context)
    logger.set_correlation_id(request_id)
    measurement = RequestMeasurement()
    answer = respond(event, context, measurement)
    add_metrics(metrics, measurement, _route(event), answer["statusCode"], request_id)
    return answer


def _is_proxy_event(event: Any) -> bool:
    return (
        isinstance(event, dict)
        and isinstance(event.get("path"), str)
        and isinstance(event.get("httpMethod"), str)
        and isinstance(event.get("requestContext"), dict)
    )


def _check_route(event: Any) -> None:
    """Hold method and path against the table of routes.

    The resolver's own look-up takes a trailing slash for none, and answers 404 to a wrong method.
    """
    if not _is_proxy_event(event):
        raise BadEventError
    methods = ROUTES.get(event["path"])
    if methods is None:
        raise NotFoundError
    if event["httpMethod"] not in methods and not (_origins and event["httpMethod"] == _PREFLIGHT):
        raise MethodNotAllowedError(headers={"Allow": ", ".join(methods)})


def _route(event: Any) -> str:
    """Return method and path where they are ours, never a caller's own text."""
    if _is_proxy_event(event) and event["httpMethod"] in ROUTES.get(event["path"], {}):
        return f"{event['httpMethod']} {event['path']}"
    return "none"


def _request_id(event: Any, context: InvocationContext) -> str:
    """Return API Gateway's id of the request, which its access log has too; else the invocation's."""
    found = event["requestContext"].get("requestId") if _is_proxy_event(event) else None
    if isinstance(found, str) and _REQUEST_ID.fullmatch(found):
        return found
    return context.aws_request_id


def _as_proxy_answer(response: Response[str]) -> dict[str, Any]:
    return {
        "statusCode": response.status_code,
        "multiValueHeaders": {name: [value] for name, value in response.headers.items()},
        "body": response.body,
        "isBase64Encoded": False,
    }
