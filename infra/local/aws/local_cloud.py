"""The AWS services around the functions, on this machine: moto's S3, SQS, EventBridge, as in the template."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Final

import boto3
import botocore.config

from infra.local.aws.event_source_mapping import MappingSettings
from infra.local.aws.moto_server import moto_server
from infra.local.child_process import Service
from infra.local.template_settings import REGION, TemplateSettings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import ExitStack

_QUEUE_ATTRIBUTES: Final = ("VisibilityTimeout", "MessageRetentionPeriod", "DelaySeconds")


class LocalCloud(Service):
    """Runs while the ``with`` block lasts; its end deletes all content.

    Parameters
    ----------
    template : TemplateSettings
        Names the buckets, queues and rules to create.
    port : int
        Port to listen at; 0 for a free one.
    host : str
        Address to listen at: loopback, except in a container with its own network.
    names : sequence of str
        Further host names that are answered for.

    Attributes
    ----------
    address : str
        HTTP address of all services.

    Raises
    ------
    ConfigError
        On entering, if the port is taken.
    """

    def __init__(
        self, template: TemplateSettings, port: int = 0, host: str = "127.0.0.1", names: Sequence[str] = ()
    ) -> None:
        self._template = template
        self._host = host
        self._names = names
        self._port = port
        self.address = ""

    def start(self, stack: ExitStack) -> None:
        self.address = stack.enter_context(moto_server(self._host, self._port, self._names))
        self._create()

    @property
    def environment(self) -> dict[str, str]:
        """Variables with which boto3, the AWS command line and the functions use these services."""
        return {
            "AWS_ENDPOINT_URL": self.address,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": REGION,
        }

    @property
    def input_bucket(self) -> str:
        """Name of the bucket for input files."""
        return str(self._template.properties("InputBucket")["BucketName"])

    @property
    def output_bucket(self) -> str:
        """Name of the bucket for scores."""
        return str(self._template.properties("OutputBucket")["BucketName"])

    def client(self, service: str) -> Any:
        """Return a boto3 client for one of these services."""
        variables = self.environment
        return boto3.client(
            service,
            endpoint_url=variables["AWS_ENDPOINT_URL"],
            region_name=REGION,
            aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
            # A proxy that the user has set can't reach this machine's own address.
            config=botocore.config.Config(proxies={}),
        )

    def _create(self) -> None:
        s3 = self.client("s3")
        for bucket in ("InputBucket", "OutputBucket"):
            declared = self._template.properties(bucket)
            name = declared["BucketName"]
            s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=declared["VersioningConfiguration"])
        self._allow_public_reads(s3)
        self._create_queues()
        self._connect(s3)

    def _allow_public_reads(self, s3: Any) -> None:
        """Let curl and DuckDB read without signatures; the buckets are reachable from this machine only."""
        for bucket in (self.input_bucket, self.output_bucket):
            right = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}
            policy = {
                "Version": "2012-10-17",
                "Statement": [right | {"Resource": f"arn:aws:s3:::{bucket}/*"}],
            }
            s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))

    def _create_queues(self) -> None:
        sqs = self.client("sqs")
        dead_url = self._create_queue(sqs, "DeadLetterQueue", {})
        redrive = self._template.properties("InputQueue")["RedrivePolicy"]
        redrive |= {"deadLetterTargetArn": _arn(sqs, dead_url)}
        queue_url = self._create_queue(sqs, "InputQueue", {"RedrivePolicy": json.dumps(redrive)})
        self._queue_arn = _arn(sqs, queue_url)

    def _create_queue(self, sqs: Any, resource: str, more: dict[str, str]) -> str:
        declared = self._template.properties(resource)
        attributes = {name: str(declared[name]) for name in _QUEUE_ATTRIBUTES if name in declared}
        answer = sqs.create_queue(QueueName=declared["QueueName"], Attributes=attributes | more)
        return str(answer["QueueUrl"])

    def _connect(self, s3: Any) -> None:
        """Send the input bucket's events to EventBridge, and the rule's matches to the queue."""
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


def mapping_settings(
    template: TemplateSettings, sqs: Any, workers: int, retry_seconds: int | None = None
) -> MappingSettings:
    """Return the settings of the mapping from the queue to the batch function.

    Parameters
    ----------
    template : TemplateSettings
    sqs : client
        boto3's; it must reach the queue.
    workers : int
        Invocations at the same time; the template's maximum applies too.
    retry_seconds : int, optional
        Time after which a failed message is delivered again. The default is the template's visibility
        timeout, which is long.
    """
    declared = template.properties("BatchFunction")["Events"]["Inputs"]["Properties"]
    name = template.properties("InputQueue")["QueueName"]
    queue_url = str(sqs.get_queue_url(QueueName=name)["QueueUrl"])
    return MappingSettings(
        queue_url=queue_url,
        queue_arn=_arn(sqs, queue_url),
        batch_size=declared["BatchSize"],
        reports_failures="ReportBatchItemFailures" in declared.get("FunctionResponseTypes", []),
        concurrency=min(workers, int(declared["ScalingConfig"]["MaximumConcurrency"])),
        retry_seconds=retry_seconds,
    )


def forget_aws_settings() -> None:
    """Remove the user's AWS settings from this process, so that it can't reach a real account.

    moto uses boto3, which fails if AWS_PROFILE names a missing profile.
    """
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}


def _arn(sqs: Any, url: str) -> str:
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    return str(attributes["QueueArn"])
