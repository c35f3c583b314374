"""Lambda handler of the batch function: messages of its queue, and parts of backfill runs."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from churn_core.errors import ChurnError
from churn_core.scoring.bundle import load_bundle
from functions.batch.delivery import Deliveries
from functions.batch.map_item import MEMBER, MapItem, ModelChangedError, PartRetryError, item_answer
from functions.batch.measurement import SERVICE, add_metrics, log_fields
from functions.batch.object_job import ObjectJob
from functions.batch.quarantine import Quarantine
from functions.batch.scoring_process import ScoringProcess, hide_environment
from functions.batch.settings import BatchFunctionSettings
from functions.shared.environment import NAMESPACE
from functions.shared.messages import BadEventError, read_message_id
from functions.shared.outcomes import Action
from functions.shared.storage import Storage, events_client, s3_client

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from functions.batch.delivery import Handled

logger = Logger(service="churn-batch")
metrics = Metrics(namespace=NAMESPACE, service=SERVICE)


@functools.cache
def load_deliveries() -> Deliveries:
    """Return the handler of deliveries; it is created once, by the first call that succeeds.

    Raises
    ------
    BundleError
        If the model can't be loaded; the next call tries again.
    SettingError
        If an environment variable is missing or malformed.
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
    """Score the objects that an SQS event names, or one part of a backfill run.

    Returns
    -------
    dict
        For SQS, the messages to deliver again; for a part, its outcome.

    Raises
    ------
    BadEventError
        If the event has neither format, or a message without an id must be delivered again.
    BadItemError, ModelChangedError, PartRetryError, SuspectPartError
        If a part is not done.
    """
    if isinstance(event, dict) and MEMBER in event:
        return _score_item(MapItem.from_event(event[MEMBER]), context)
    records = event.get("Records") if isinstance(event, dict) else None
    if not isinstance(records, list):
        raise BadEventError("The event is not from the queue; invoke the function through its queue.")
    failed = [read_message_id(record) for record in records if not _handle_message(record, context)]
    if None in failed:
        # The queue can't be told which message to deliver again, so it must deliver all of them.
        raise BadEventError("A message without a valid messageId can't be recorded; all are tried again.")
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _handle_message(record: Any, context: LambdaContext) -> bool:
    """Handle one message; return whether the queue may delete it."""
    message_id = read_message_id(record)
    try:
        deliveries = load_deliveries()
    except ChurnError as error:
        # The queue keeps the messages until a deployment brings a valid model.
        logger.error("model-unavailable", extra={"message_id": message_id, "detail": str(error)})  # noqa: TRY400
        metrics.add_metric("ModelUnavailable", MetricUnit.Count, 1)
        return False
    results = deliveries.handle(record, lambda: context.get_remaining_time_in_millis() / 1_000)
    for handled in results:
        _report(handled, message_id=message_id)
    return all(handled.action is not Action.RETRIED for handled in results)


def _score_item(item: MapItem, context: LambdaContext) -> dict[str, Any]:
    try:
        deliveries = load_deliveries()
    except ChurnError as error:
        metrics.add_metric("ModelUnavailable", MetricUnit.Count, 1)
        raise PartRetryError(f"model-unavailable: {error}") from error
    if item.model_digest != deliveries.model_digest:
        raise ModelChangedError(
            "The model was replaced after the run was planned; start a new run with 'churn backfill'."
        )
    handled = deliveries.handle_part(
        item.source, item.attempt, lambda: context.get_remaining_time_in_millis() / 1_000
    )
    _report(handled, attempt=item.attempt)
    return item_answer(handled)


def _report(handled: Handled, **fields: Any) -> None:
    """Write the log line and the metrics of one object."""
    level = logger.info if handled.action in (Action.SCORED, Action.NO_OP) else logger.warning
    level(handled.result.outcome, extra={**fields, **log_fields(handled)})
    add_metrics(metrics, handled)
