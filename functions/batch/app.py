"""Lambda handler of the batch half, behind its queue and in runs over a prefix."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from churn_core.errors import ChurnError
from churn_core.scoring.bundle import load_bundle
from functions.batch.delivery import Deliveries
from functions.batch.map_item import MEMBER, MapItem, ModelChangedError, PartRetryError, answer
from functions.batch.measurement import SERVICE, add_metrics, log_fields
from functions.batch.object_job import ObjectJob
from functions.batch.quarantine import Quarantine
from functions.batch.scoring_process import ScoringProcess, hide_environment
from functions.batch.settings import BatchFunctionSettings
from functions.shared.environment import NAMESPACE
from functions.shared.outcomes import Action
from functions.shared.storage import Storage, events_client, s3_client

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from functions.batch.delivery import Handled

logger = Logger(service="churn-batch")
metrics = Metrics(namespace=NAMESPACE, service=SERVICE)


@functools.cache
def deliveries() -> Deliveries:
    """Return what handles this environment's messages, made at the first call that succeeds.

    Raises
    ------
    BundleError
        If the model can't be used; the next call tries again.
    """
    settings = BatchFunctionSettings.from_environment()
    bundle = load_bundle(settings.model_dir)
    hide_environment()
    storage = Storage(s3_client(), events_client() if settings.announces else None)
    scorer = ScoringProcess(settings.model_dir, settings.max_rows, settings.memory_mb)
    job = ObjectJob(settings, storage, scorer, bundle.model_digest, bundle.model_version)
    quarantine = Quarantine(storage, settings.output_bucket, bundle.model_digest)
    return Deliveries(job, quarantine, settings.input_bucket)


@logger.inject_lambda_context
@metrics.log_metrics(capture_cold_start_metric=True)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Score the objects named by an SQS event, or the one of an item of a run.

    Returns
    -------
    dict
        The messages that must be delivered again; of an item, what became of it.

    Raises
    ------
    KeyError
        If the event is neither.
    BadItemError, ModelChangedError, PartRetryError, SuspectPartError
        Of an item that is not done.
    """
    if MEMBER in event:
        return _score_item(MapItem.of(event[MEMBER]), context)
    failed = [record["messageId"] for record in event["Records"] if not _done(record, context)]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _done(record: dict[str, Any], context: LambdaContext) -> bool:
    message_id = record["messageId"]
    try:
        ready = deliveries()
    except ChurnError as error:
        # Every message would meet the same: the queue keeps them until the model is mended.
        logger.error("model-unavailable", extra={"message_id": message_id, "detail": str(error)})  # noqa: TRY400
        metrics.add_metric("ModelUnavailable", MetricUnit.Count, 1)
        return False
    handled = ready.handle(record, lambda: context.get_remaining_time_in_millis() / 1_000)
    for one in handled:
        _tell(one, message_id=message_id)
    return all(one.action is not Action.RETRIED for one in handled)


def _score_item(item: MapItem, context: LambdaContext) -> dict[str, Any]:
    try:
        ready = deliveries()
    except ChurnError as error:
        metrics.add_metric("ModelUnavailable", MetricUnit.Count, 1)
        raise PartRetryError(f"model-unavailable: {error}") from error
    if item.model_digest != ready.model_digest:
        raise ModelChangedError(
            "The run was planned with another model than the function has; start it anew."
        )
    handled = ready.handle_part(
        item.source, item.attempt, lambda: context.get_remaining_time_in_millis() / 1_000
    )
    _tell(handled, attempt=item.attempt)
    return answer(handled)


def _tell(one: Handled, **fields: Any) -> None:
    level = logger.info if one.action in (Action.SCORED, Action.NO_OP) else logger.warning
    level(one.result.outcome, extra={**fields, **log_fields(one)})
    add_metrics(metrics, one)
