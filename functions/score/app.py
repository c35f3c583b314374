"""Lambda handler of the online half, behind API Gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.metrics import MetricUnit

from churn_core.errors import BundleError
from functions.score.model import loaded_predictor
from functions.score.problems import ProblemAnswers
from functions.score.routes import router

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="churn-score")
metrics = Metrics(namespace="Churn", service="churn-score")
app = APIGatewayRestResolver()
app.include_router(router)
ProblemAnswers(app, logger, metrics).register()

try:
    # Loaded while the environment starts, where the processor is at full speed and nobody waits.
    loaded_predictor()
except BundleError:
    # Not fatal here: each request tries again and is answered 503, instead of a crash with an opaque 502.
    logger.exception("The model can't be loaded")


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_REST)
@metrics.log_metrics(capture_cold_start_metric=True)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one API Gateway (REST) proxy event."""
    answer = app.resolve(event, context)
    metrics.add_metric("Requests", MetricUnit.Count, 1)
    return answer
