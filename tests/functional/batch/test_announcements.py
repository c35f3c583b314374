"""Events about scores: what happens when they can't be sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest

from functions.batch import app
from tests.functional.batch.batch_stack import OUTPUT, BatchStack, deliver_again
from tests.functional.batch.faults.lossy_proxy import LossyProxy, Rule

if TYPE_CHECKING:
    from collections.abc import Callable


def refused_events(name: str, patch: pytest.MonkeyPatch, proxy: LossyProxy) -> None:
    """Have EventBridge fail, or accept the request and refuse the event in it."""
    if name == "outage":
        proxy.rules.append(Rule("POST", "/", 503, times=4))
        return
    answer = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "InternalFailure"}]}
    client = app.load_deliveries()._job._storage._events
    patch.setattr(client, "put_events", lambda **_: answer)


@pytest.mark.parametrize("how", ["outage", "refusal"])
def test_a_failed_announcement_is_counted_and_the_message_is_done(
    stack: BatchStack, proxy: LossyProxy, customers: bytes, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """The output is there; S3's own event is the promise, and `ChurnScored` is best effort."""
    put = stack.put(customers)
    with monkeypatch.context() as patch:
        refused_events(how, patch, proxy)
        assert deliver_again(stack, put) == ["scored"]

    assert stack.versions() == [stack.output_key(put)]
    assert stack.metric("AnnouncementFailed") == 1
    (line,) = [line for line in stack.lines() if "action" in line]
    assert line["announcement_fault"].endswith(".")


def test_a_repeated_delivery_announces_the_scores_again(
    stack: BatchStack, proxy: LossyProxy, customers: bytes
) -> None:
    """The first attempt may have died after it had written the output."""
    put = stack.put(customers)

    assert deliver_again(stack, put, times=2) == ["scored", "already-scored"]
    assert sum(line.startswith("POST") for line in proxy.seen) == 2
    assert stack.metric("AnnouncementFailed") is None


def test_an_output_without_row_counts_is_not_announced_and_not_retried(
    stack: BatchStack, customers: bytes
) -> None:
    put = stack.put(customers)
    stack.s3.put_object(Bucket=OUTPUT, Key=stack.output_key(put), Body=b"of an older function")

    assert deliver_again(stack, put) == ["already-scored"]
    assert stack.metric("AnnouncementFailed") == 1


def test_an_output_that_was_not_announced_is_heard_of_after_the_next_model_is_deployed(
    stack: BatchStack,
    proxy: LossyProxy,
    customers: bytes,
    bundle_of: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The template has the output bucket send its events to EventBridge, at least one for each output."""
    sqs, events = boto3.client("sqs"), boto3.client("events")
    queue = sqs.create_queue(QueueName="outputs")["QueueUrl"]
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [OUTPUT]}}}
    events.put_rule(Name="outputs", EventPattern=json.dumps(pattern))
    events.put_targets(
        Rule="outputs", Targets=[{"Id": "1", "Arn": "arn:aws:sqs:eu-west-1:123456789012:outputs"}]
    )
    stack.s3.put_bucket_notification_configuration(
        Bucket=OUTPUT, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    put = stack.put(customers)
    proxy.rules.append(Rule("POST", "/", 503, times=4))

    assert deliver_again(stack, put) == ["scored"]
    by_first_model = stack.output_key(put)
    monkeypatch.setenv("CHURN_MODEL_DIR", str(bundle_of("random_forest")))
    app.load_deliveries.cache_clear()
    assert deliver_again(stack, stack.put(customers)) == ["scored"]

    received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    created = [json.loads(sent["Body"]) for sent in received]
    assert sorted({event["detail"]["object"]["key"] for event in created}) == stack.versions()
    assert by_first_model in stack.versions()
