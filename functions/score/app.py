"""Lambda handler of the online half, behind API Gateway."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, CORSConfig, Response

from churn_core.errors import BundleError
from functions.score.measurement import RequestMeasurement, add_metrics
from functions.score.model import loaded_predictor
from functions.score.problems import problem_response, refusal
from functions.score.proxy_event import check_route, is_proxy_event, request_id, route_of
from functions.score.routes import router
from functions.score.settings import ScoreSettings
from functions.shared.metrics import NAMESPACE, service_name

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

GARBAGE_THRESHOLD: Final = 20_000
"""Containers made and still alive before Python looks for cycles; a thousand customers make half of that."""

logger = Logger(service="churn-score")
# Stacks of one account share the namespace; this dimension tells them apart.
metrics = Metrics(namespace=NAMESPACE, service=service_name("churn-score"))
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

# What is there now stays, and the thousands of dicts of a large request live until it is answered: looking
# among them for cycles to break finds none, and takes a twentieth of the request's time.
gc.collect()
gc.freeze()
gc.set_threshold(GARBAGE_THRESHOLD)


class InvocationContext(Protocol):
    """What is asked of Lambda's context, or of whatever stands in for it."""

    @property
    def aws_request_id(self) -> str:
        """Return the invocation's id."""

    def get_remaining_time_in_millis(self) -> int:
        """Return how long the invocation may still last."""


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
        check_route(event, preflight=bool(_origins))
        app.append_context(measurement=measurement)  # type: ignore[no-untyped-call]
        return app.resolve(event, cast("LambdaContext", context))
    except Exception as error:  # noqa: BLE001
        # The last resort for an event that the resolver can't read, or a defect in what surrounds it.
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
    """Answer one API Gateway (REST) proxy event, and measure it."""
    identifier = request_id(event, context.aws_request_id)
    logger.set_correlation_id(identifier)
    measurement = RequestMeasurement()
    answer = respond(event, context, measurement)
    add_metrics(metrics, measurement, route_of(event), answer["statusCode"], identifier)
    return answer


def _problem(error: Exception, event: Any, context: InvocationContext) -> Response[str]:
    path = event["path"] if is_proxy_event(event) else ""
    return problem_response(refusal(error, logger), path, request_id(event, context.aws_request_id))


@app.exception_handler(Exception)  # type: ignore[untyped-decorator]
def _problem_of_a_route(error: Exception) -> Response[str]:
    return _problem(error, app.current_event.raw_event, app.lambda_context)
