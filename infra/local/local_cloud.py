"""What surrounds the functions, on this machine: moto's S3, SQS and EventBridge, as the template says."""

from __future__ import annotations

import json
import logging
import os
import socket
import urllib.request
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final, Self

import boto3
import botocore.config
from moto.server import ThreadedMotoServer

from churn_core.errors import ConfigError
from infra.local.event_source_mapping import MappingSettings
from infra.local.template_settings import REGION, TemplateSettings

if TYPE_CHECKING:
    from types import TracebackType

_ADDRESS: Final = "127.0.0.1"
_QUEUE_ATTRIBUTES: Final = ("VisibilityTimeout", "MessageRetentionPeriod", "DelaySeconds")


class LocalCloud:
    """Runs while the ``with`` block lasts, and forgets everything then.

    Parameters
    ----------
    template : TemplateSettings
        What to create.
    port : int
        To listen at; 0 for a free one.
    host : str
        Address to listen at: loopback, unless it is alone in a network of its own.

    Raises
    ------
    ConfigError
        If something else listens there.
    """

    def __init__(self, template: TemplateSettings, port: int = 0, host: str = _ADDRESS) -> None:
        _check_free(host, port)
        self._template = template
        self._server = ThreadedMotoServer(ip_address=host, port=port, verbose=False)
        # What is asked of it is told by line otherwise.
        logging.getLogger("werkzeug").setLevel(logging.WARNING)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
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
    def address(self) -> str:
        """Where all its services answer."""
        return "http://{}:{}".format(*self._server.get_host_and_port())

    @property
    def environment(self) -> dict[str, str]:
        """Variables by which boto3, the AWS command line and the functions find it."""
        return {
            "AWS_ENDPOINT_URL": self.address,
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
            # This machine is never behind a proxy.
            config=botocore.config.Config(proxies={}),
        )

    def mapping(self, workers: int, retry_seconds: int | None = None) -> MappingSettings:
        """Return the mapping from the queue to the batch function.

        Parameters
        ----------
        workers : int
            Invocations at the same time; no more than the template allows.
        retry_seconds : int, optional
            After which a message that failed comes again; by default when the template's visibility
            timeout, which is long, is over.
        """
        return mapping_settings(self._template, self.client("sqs"), workers, retry_seconds)

    def _forget(self) -> None:
        """Empty moto, whose state outlives its server in the same process."""
        directly = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        directly.open(f"{self.address}/moto-api/reset", data=b"").close()

    def _create(self) -> None:
        s3 = self.client("s3")
        for bucket in ("InputBucket", "OutputBucket"):
            declared = self._template.properties(bucket)
            name = declared["BucketName"]
            s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=declared["VersioningConfiguration"])
        self._let_everybody_read(s3)
        self._create_queues()
        self._connect(s3)

    def _let_everybody_read(self, s3: Any) -> None:
        """Let curl and DuckDB read without signatures what is on this machine alone."""
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


def mapping_settings(
    template: TemplateSettings, sqs: Any, workers: int, retry_seconds: int | None = None
) -> MappingSettings:
    """Return the mapping from the queue, wherever it is, to the batch function; see `LocalCloud.mapping`."""
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


def _check_free(host: str, port: int) -> None:
    """Refuse a port that is taken; moto's server would wait for it without end."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConfigError(
                f"S3 can't be had at {host}:{port} ({error.strerror}); choose another port with AWS_PORT."
            ) from error


def forget_aws_settings() -> None:
    """Leave this process nothing of the user's AWS settings: neither rights to a real account nor a profile.

    Moto asks boto3 too, so that a profile that isn't there would be its end.
    """
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}


def _arn(sqs: Any, url: str) -> str:
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    return str(attributes["QueueArn"])
