"""S3, SQS and EventBridge of this machine: moto's server, with the template's buckets, queues and rule."""

from __future__ import annotations

import json
import logging
import urllib.request
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

import boto3  # type: ignore[import-untyped]
from event_source_mapping import MappingSettings
from moto.server import ThreadedMotoServer
from template_settings import REGION, TemplateSettings

if TYPE_CHECKING:
    from types import TracebackType


class LocalCloud:
    """Runs while the ``with`` block lasts, and forgets everything then.

    Parameters
    ----------
    template : TemplateSettings
        What to create.
    visibility_timeout : int or None
        Seconds after which a failed message comes again; None for the template's, which is long.
    port : int
        To listen at on loopback; 0 for a free one.
    """

    def __init__(
        self, template: TemplateSettings, visibility_timeout: int | None = None, port: int = 0
    ) -> None:
        self._template = template
        self._visibility_timeout = visibility_timeout
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            # It would tell of every request, and the poller makes some each second.
            logging.getLogger("werkzeug").setLevel(logging.ERROR)
            self._server.start()
            stack.callback(self._server.stop)
            stack.callback(self._forget)
            self._create()
            self._cleanup = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cleanup.close()

    @property
    def environment(self) -> dict[str, str]:
        """Variables by which boto3, the AWS command line and the functions find it."""
        host, port = self._server.get_host_and_port()
        return {
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": REGION,
        }

    @property
    def input_bucket(self) -> str:
        """Name of the bucket for drops."""
        return str(self._template.properties("InputBucket")["BucketName"])

    @property
    def output_bucket(self) -> str:
        """Name of the bucket for scores."""
        return str(self._template.properties("OutputBucket")["BucketName"])

    def client(self, service: str) -> Any:
        """Return boto3's client of a service here."""
        variables = self.environment
        return boto3.client(
            service,
            endpoint_url=variables["AWS_ENDPOINT_URL"],
            region_name=REGION,
            aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        )

    def mapping(self, workers: int) -> MappingSettings:
        """Return the mapping from the queue to the batch function, with so many workers at most."""
        declared = self._template.properties("BatchFunction")["Events"]["Inputs"]["Properties"]
        return MappingSettings(
            queue_url=self._queue_url,
            queue_arn=self._queue_arn,
            batch_size=declared["BatchSize"],
            reports_failures="ReportBatchItemFailures" in declared["FunctionResponseTypes"],
            concurrency=min(workers, int(declared["ScalingConfig"]["MaximumConcurrency"])),
        )

    def _forget(self) -> None:
        """Empty moto, whose state outlives its server in the same process."""
        urllib.request.urlopen(f"{self.environment['AWS_ENDPOINT_URL']}/moto-api/reset", data=b"").close()

    def _create(self) -> None:
        s3 = self.client("s3")
        for bucket in ("InputBucket", "OutputBucket"):
            declared = self._template.properties(bucket)
            name = declared["BucketName"]
            s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=declared["VersioningConfiguration"])
        self._create_queues()
        self._connect(s3)

    def _create_queues(self) -> None:
        sqs = self.client("sqs")
        dead = self._template.properties("DeadLetterQueue")
        dead_url = sqs.create_queue(QueueName=dead["QueueName"])["QueueUrl"]
        source = self._template.properties("InputQueue")
        redrive = source["RedrivePolicy"] | {"deadLetterTargetArn": _arn(sqs, dead_url)}
        timeout = self._visibility_timeout or source["VisibilityTimeout"]
        self._queue_url = sqs.create_queue(
            QueueName=source["QueueName"],
            Attributes={"VisibilityTimeout": str(timeout), "RedrivePolicy": json.dumps(redrive)},
        )["QueueUrl"]
        self._queue_arn = _arn(sqs, self._queue_url)

    def _connect(self, s3: Any) -> None:
        """Let the input bucket tell EventBridge, and the rule tell the queue."""
        declared = self._template.properties("InputBucket")["NotificationConfiguration"]
        assert declared["EventBridgeConfiguration"]["EventBridgeEnabled"]
        s3.put_bucket_notification_configuration(
            Bucket=self.input_bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )
        events, rule = self.client("events"), self._template.properties("InputRule")
        events.put_rule(Name="InputRule", EventPattern=json.dumps(rule["EventPattern"]))
        events.put_targets(
            Rule="InputRule",
            Targets=[{"Id": target["Id"], "Arn": self._queue_arn} for target in rule["Targets"]],
        )


def _arn(sqs: Any, url: str) -> str:
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    return str(attributes["QueueArn"])
