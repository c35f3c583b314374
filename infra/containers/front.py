"""The service `front` of compose.yaml: stand-ins for API Gateway and for Lambda's queue poller.

Both call the functions' containers over HTTP. Environment variables: CHURN_SCORE_URL, CHURN_BATCH_URL, and
those with which boto3 finds the service `aws`.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, Final

import boto3
import uvicorn
from botocore.exceptions import BotoCoreError, ClientError

from infra.local.event_source_mapping import EventSourceMapping
from infra.local.gateway import Gateway
from infra.local.local_cloud import mapping_settings
from infra.local.remote_function import RemoteFunction
from infra.local.template_settings import TemplateSettings

if TYPE_CHECKING:
    from infra.local.event_source_mapping import MappingSettings

PORT: Final = 8000
RETRY_SECONDS: Final = 10
"""The queue delivers a failed message again after this time; on AWS after the template's half hour."""
_START_SECONDS: Final = 60
_GRACE_SECONDS: Final = 5


def main() -> None:
    """Serve and poll until the container is stopped."""
    template, sqs = TemplateSettings(), boto3.client("sqs")
    score, batch = (
        RemoteFunction(os.environ[variable], template.function(name).timeout_seconds)
        for variable, name in (("CHURN_SCORE_URL", "ScoreFunction"), ("CHURN_BATCH_URL", "BatchFunction"))
    )
    mapping = EventSourceMapping(sqs, _wait_for_queue(template, sqs), batch.invoke, _print_failure)
    mapping.start()
    try:
        uvicorn.run(
            Gateway(template, score.invoke),
            host="0.0.0.0",
            port=PORT,
            log_level="warning",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
    finally:
        mapping.stop(_GRACE_SECONDS)


def _wait_for_queue(template: TemplateSettings, sqs: Any) -> MappingSettings:
    """Return the mapping's settings as soon as the service `aws` has created the queue."""
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            # One container is one environment, which takes one call at a time.
            return mapping_settings(template, sqs, workers=1, retry_seconds=RETRY_SECONDS)
        except (BotoCoreError, ClientError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def _print_failure(error: Exception) -> None:
    print(
        f"The batch function failed ({type(error).__name__}); the queue delivers the file again.", flush=True
    )


if __name__ == "__main__":
    main()
