"""Lambda handler of the online API, behind API Gateway."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any, Final

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, CORSConfig, Response

from churn_core.errors import BundleError
from functions.score.measurement import RequestMeasurement, add_metrics
from functions.score.problems import problem_response, refusal
from functions.score.proxy_event import check_route, is_proxy_event, request_id, route_of
from functions.score.routes import loaded_predictor, router
from functions.score.settings import ScoreSettings
from functions.shared.environment import NAMESPACE, service_name

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

GARBAGE_THRESHOLD: Final = 20_000
"""Containers that must be alive before Python looks for cycles; 1,000 customers create half of that."""

logger = Logger(service="churn-score")
# Stacks of one account share the namespace; this dimension distinguishes them.
metrics = Metrics(namespace=NAMESPACE, service=service_name("churn-score"))
_origins = ScoreSettings.from_environment().cors_origins
app = APIGatewayRestResolver(
    cors=CORSConfig(_origins[0], extra_origins=list(_origins[1:]), max_age=600) if _origins else None
)
app.include_router(router)

try:
    # Loaded while the environment starts: the processor then has its full speed, and no caller waits.
    loaded_predictor()
except BundleError as error:
    # Not fatal: each request tries again and is answered 503. A crash here would be an opaque 502.
    logger.error("The model can't be loaded", extra={"reason": str(error)})  # noqa: TRY400

# The modules loaded so far stay, and the dicts of a request live until it is answered. Searching them for
# cycles finds nothing, and takes 5 % of a request's time.
gc.collect()
gc.freeze()
gc.set_threshold(GARBAGE_THRESHOLD)


def respond(event: Any, context: LambdaContext, measurement: RequestMeasurement) -> dict[str, Any]:
    """Answer one API Gateway (REST) proxy event; anything else is answered as ``bad-event``.

    Parameters
    ----------
    event : Any
        What the function was called with.
    context : LambdaContext
    measurement : RequestMeasurement
        Receives the counts and times of this request.
    """
    try:
        check_route(event, preflight=bool(_origins))
        app.append_context(measurement=measurement)  # type: ignore[no-untyped-call]
        return app.resolve(event, context)
    except Exception as error:  # noqa: BLE001
        # The resolver handles errors of routes; this is for errors outside of it.
        response = _problem(error, event, context)
        return {
            "statusCode": response.status_code,
            "multiValueHeaders": {name: [value] for name, value in response.headers.items()},
            "body": response.body,
            "isBase64Encoded": False,
        }


@logger.inject_lambda_context
@metrics.log_metrics(capture_cold_start_metric=True)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one API Gateway (REST) proxy event, and write its metrics."""
    identifier = request_id(event, context.aws_request_id)
    logger.set_correlation_id(identifier)
    measurement = RequestMeasurement()
    answer = respond(event, context, measurement)
    add_metrics(metrics, measurement, route_of(event), answer["statusCode"], identifier)
    return answer


def _problem(error: Exception, event: Any, context: LambdaContext) -> Response[str]:
    path = event["path"] if is_proxy_event(event) else ""
    return problem_response(refusal(error, logger), path, request_id(event, context.aws_request_id))


@app.exception_handler(Exception)  # type: ignore[untyped-decorator]
def _problem_of_a_route(error: Exception) -> Response[str]:
    return _problem(error, app.current_event.raw_event, app.lambda_context)
