"""Lambda handler of the batch half, behind its queue."""

from __future__ import annotations

import functools
import traceback
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from churn_core.errors import ChurnError
from churn_core.scoring.bundle import load_bundle
from churn_core.scoring.predictor import ChurnPredictor
from functions.batch.events import EventError, read_message
from functions.batch.scoring_job import JobResult, ScoringJob
from functions.batch.settings import FunctionSettings
from functions.batch.storage import StorageError, s3_client

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="churn-batch")
metrics = Metrics(namespace="Churn", service="churn-batch")


@functools.cache
def prepared_job() -> tuple[FunctionSettings, ScoringJob]:
    """Return this environment's settings and job, made at the first call that succeeds."""
    settings = FunctionSettings.from_environment()
    predictor = ChurnPredictor(load_bundle(settings.model_dir))
    return settings, ScoringJob(settings, predictor, s3_client())


@logger.inject_lambda_context
@metrics.log_metrics(capture_cold_start_metric=True)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001
    """Score the objects named by an SQS event; answer the messages that must be delivered again."""
    failed = [record["messageId"] for record in event["Records"] if not _handled(record)]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _handled(record: dict[str, Any]) -> bool:
    message = {"message_id": record["messageId"]}
    try:
        settings, job = prepared_job()
        result = job.run(read_message(record["body"], settings.input_bucket))
    except EventError as error:
        # Delivered again like any failure, so that after a few rounds the dead-letter queue shows it.
        logger.warning("Refused message", extra=message | {"reason": str(error)})
        metrics.add_metric("RefusedMessages", MetricUnit.Count, 1)
        return False
    except (ChurnError, StorageError) as error:
        logger.warning("Failed message", extra=message | {"reason": str(error)})
        metrics.add_metric("FailedMessages", MetricUnit.Count, 1)
        return False
    except Exception as error:  # noqa: BLE001
        # The last resort: one message must not fail the others of its batch, and the queue is what
        # retries. The error's text is left out: libraries may quote values in it.
        trace = {"error": type(error).__name__, "frames": traceback.format_tb(error.__traceback__)}
        logger.error("Failed message", extra=message | trace)  # noqa: TRY400
        metrics.add_metric("FailedMessages", MetricUnit.Count, 1)
        return False
    _report(message, result)
    return True


def _report(message: dict[str, str], result: JobResult) -> None:
    details: dict[str, Any] = message | {"output_key": result.output_key, "repeated": not result.created}
    if result.rows is None:
        logger.warning("Quarantined", extra=details | {"code": result.code})
        metrics.add_metric("QuarantinedFiles", MetricUnit.Count, 1)
        return
    counts = {"rows": result.rows.rows, "scored": result.rows.scored, "rejected": result.rows.rejected}
    drift = result.rows.drift
    moved = {} if drift is None else {"drift": drift["verdict"], "moved": drift["moved"]}
    logger.info("Scored", extra=details | counts | moved)
    metrics.add_metric("ScoredRows", MetricUnit.Count, result.rows.scored)
    metrics.add_metric("RejectedRows", MetricUnit.Count, result.rows.rejected)
    if drift is not None:
        metrics.add_metric("DriftedFiles", MetricUnit.Count, int(drift["verdict"] != "stable"))
