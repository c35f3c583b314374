"""Both buckets, the batch function, and messages as its queue delivers them."""

from __future__ import annotations

import hashlib
import io
import json
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote_plus

import pyarrow as pa
import pyarrow.parquet as pq

from functions.batch import app

if TYPE_CHECKING:
    from churn_core.scoring.bundle import Bundle

INPUT: Final = "churn-dev-input-123456789012-eu-west-1"
OUTPUT: Final = "churn-dev-output-123456789012-eu-west-1"
KEY: Final = "incoming/customers.parquet"
Record = dict[str, Any]


@dataclass
class Context:
    """What Lambda tells a handler about its invocation."""

    remaining_milliseconds: int = 300_000
    function_name: str = "batch"
    memory_limit_in_mb: int = 2048
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:123456789012:function:batch"
    aws_request_id: str = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_milliseconds


@dataclass(frozen=True)
class Put:
    """An object that was put, with its version and etag."""

    key: str
    size: int
    etag: str
    version: str | None
    bucket: str = INPUT

    @property
    def input_id(self) -> str:
        identity = "\0".join((self.bucket, self.key, self.version or self.etag))
        return hashlib.sha256(identity.encode()).hexdigest()

    def event(self, **changes: Any) -> dict[str, Any]:
        """Return EventBridge's event about it, members of ``detail.object`` changed."""
        described = {
            "key": self.key,
            "size": self.size,
            "etag": self.etag,
            "sequencer": "00617F08299329D189",
        }
        if self.version is not None:
            described["version-id"] = self.version
        return {
            "version": "0",
            "id": "17793124-05d4-b198-2fde-7ededc63b103",
            "detail-type": "Object Created",
            "source": "aws.s3",
            "account": "123456789012",
            "time": "2026-01-12T10:15:30Z",
            "region": "eu-west-1",
            "resources": [f"arn:aws:s3:::{self.bucket}"],
            "detail": {
                "version": "0",
                "bucket": {"name": self.bucket},
                "object": described | changes,
                "request-id": "N4N7GDK58NMKJ12R",
                "requester": "123456789012",
                "source-ip-address": "203.0.113.7",
                "reason": "PutObject",
            },
        }

    def notification(
        self, name: str = "ObjectCreated:Put", version: str = "2.1", **more: Any
    ) -> dict[str, Any]:
        """Return the record of S3's own notification about it."""
        described = {"key": quote_plus(self.key, safe="/"), "size": self.size, "eTag": self.etag}
        if self.version is not None:
            described["versionId"] = self.version
        return {
            "eventVersion": version,
            "eventSource": "aws:s3",
            "awsRegion": "eu-west-1",
            "eventTime": "2026-01-12T10:15:30.123Z",
            "eventName": name,
            "s3": {
                "s3SchemaVersion": "1.0",
                "bucket": {"name": self.bucket, "arn": f"arn:aws:s3:::{self.bucket}"},
                "object": described,
            },
            **more,
        }


def message(body: Any, delivery: int = 1, message_id: str | None = None) -> Record:
    """Return a message in the format of Lambda's SQS events; a body that is not text is encoded as JSON."""
    text = body if isinstance(body, str) else json.dumps(body)
    return {
        "messageId": message_id or f"message-{hashlib.sha256(text.encode()).hexdigest()[:12]}",
        "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
        "body": text,
        "attributes": {"ApproximateReceiveCount": str(delivery), "SentTimestamp": "1768212930456"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:churn-dev-inputs",
        "awsRegion": "eu-west-1",
    }


@dataclass
class BatchStack:
    """The function with its buckets, and the log that it has written."""

    s3: Any
    bundle: Bundle
    log: str = ""
    context: Context = field(default_factory=Context)

    def put(self, body: bytes, key: str = KEY, **more: Any) -> Put:
        answer = self.s3.put_object(Bucket=INPUT, Key=key, Body=body, **more)
        return Put(key, len(body), answer["ETag"].strip('"'), answer.get("VersionId"))

    def deliver(self, *records: Record) -> list[str]:
        """Invoke the function; return the ids of the messages to be delivered again."""
        written = io.StringIO()
        try:
            with redirect_stdout(written), redirect_stderr(written):
                answer = app.lambda_handler({"Records": list(records)}, self.context)
        finally:
            self.log += written.getvalue()
        assert set(answer) == {"batchItemFailures"}
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    def drop(self, body: bytes, key: str = KEY, delivery: int = 1, **more: Any) -> Put:
        """Put an object and deliver its event; the message must be done afterwards."""
        put = self.put(body, key, **more)
        assert self.deliver(message(put.event(), delivery)) == []
        return put

    def versions(self) -> list[str]:
        """Return the key of each version in the output bucket."""
        listed = self.s3.list_object_versions(Bucket=OUTPUT)
        return sorted(version["Key"] for version in listed.get("Versions", []))

    def output_key(self, put: Put) -> str:
        return f"scored/model={self.bundle.model_digest[:12]}/{put.input_id}.parquet"

    def output(self, put: Put) -> bytes:
        content: bytes = self.s3.get_object(Bucket=OUTPUT, Key=self.output_key(put))["Body"].read()
        return content

    def table(self, put: Put) -> pa.Table:
        return pq.read_table(pa.BufferReader(self.output(put)))

    def footer(self, put: Put) -> dict[str, str]:
        found = pq.read_metadata(pa.BufferReader(self.output(put))).metadata
        return {name.decode(): text.decode() for name, text in found.items()}

    def record_key(self, put: Put) -> str:
        return f"quarantine/{put.input_id}.json"

    def record(self, put: Put) -> dict[str, Any]:
        answer = self.s3.get_object(Bucket=OUTPUT, Key=self.record_key(put))
        content: dict[str, Any] = json.loads(answer["Body"].read())
        return content

    def lines(self) -> list[dict[str, Any]]:
        """Return the lines of the log; each must be JSON."""
        return [json.loads(line) for line in self.log.splitlines() if line]

    def outcomes(self) -> list[str]:
        """Return the outcome of each object in the log."""
        return [line["message"] for line in self.lines() if "action" in line]

    def metric(self, name: str, **dimensions: str) -> float | None:
        """Return the sum of a metric; None if it was never written."""
        found: list[float] = []
        for line in self.lines():
            groups = line.get("_aws", {}).get("CloudWatchMetrics", [])
            names = [metric["Name"] for group in groups for metric in group["Metrics"]]
            if name in names and all(line.get(key) == value for key, value in dimensions.items()):
                values = line[name]
                found += values if isinstance(values, list) else [values]
        return sum(found) if found else None


def deliver_again(stack: BatchStack, put: Put, times: int = 1) -> list[str]:
    """Deliver the event of an object; return the outcomes. Only messages to be retried may be reported."""
    before = len(stack.outcomes())
    for delivery in range(1, times + 1):
        record = message(put.event(), delivery)
        failed = stack.deliver(record)
        last = [line for line in stack.lines() if "action" in line][-1]
        assert failed == ([record["messageId"]] if last["action"] == "retried" else [])
    return stack.outcomes()[before:]
