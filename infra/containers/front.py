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

from functions.serve.asgi_gateway import guarded
from functions.serve.http_server import GRACE_SECONDS, server_settings
from infra.local.aws.event_source_mapping import EventSourceMapping
from infra.local.aws.gateway import Gateway
from infra.local.aws.local_cloud import mapping_settings
from infra.local.aws.remote_function import RemoteFunction
from infra.local.outcome_lines import print_failure
from infra.local.template_settings import TemplateSettings

if TYPE_CHECKING:
    from infra.local.aws.event_source_mapping import MappingSettings

PORT: Final = 8000
RETRY_SECONDS: Final = 10
"""The queue delivers a failed message again after this time; on AWS after the template's half hour."""
_START_SECONDS: Final = 60
_SERVICE: Final = "front"
"""The name that other services of compose.yaml reach this one by."""


def main() -> None:
    """Serve and poll until the container is stopped."""
    template, sqs = TemplateSettings(), boto3.client("sqs")
    score, batch = (
        RemoteFunction(os.environ[variable], template.function(name).timeout_seconds)
        for variable, name in (("CHURN_SCORE_URL", "ScoreFunction"), ("CHURN_BATCH_URL", "BatchFunction"))
    )
    mapping = EventSourceMapping(sqs, _wait_for_queue(template, sqs), batch.invoke, print_failure)
    mapping.start()
    try:
        uvicorn.run(
            guarded(Gateway(template, score.invoke), [_SERVICE]),
            host="0.0.0.0",
            port=PORT,
            lifespan="off",
            **server_settings(),
        )
    finally:
        mapping.stop(GRACE_SECONDS)


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


if __name__ == "__main__":
    main()
