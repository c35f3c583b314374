"""The local poller deletes the same messages as Lambda's poller, on a real queue over HTTP."""

from __future__ import annotations

import json
import threading
import uuid
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest
from botocore.exceptions import EndpointConnectionError

from infra.local.aws.event_source_mapping import EventSourceMapping, MappingSettings
from infra.local.aws.local_cloud import LocalCloud, mapping_settings
from infra.local.template_settings import TemplateSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


NONE: Final[list[str]] = []
BOTH: Final = ["first", "second"]
PATIENCE_SECONDS: Final = 300
"""Only a bound for a broken poller: each wait ends as soon as the poller has done its step."""


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud(TemplateSettings()) as running:
        yield running


def declared_mapping(cloud: LocalCloud) -> MappingSettings:
    return mapping_settings(TemplateSettings(), cloud.client("sqs"), workers=1)


class Queue:
    """A queue with two messages and the events that its function received."""

    def __init__(self, cloud: LocalCloud, **changes: Any) -> None:
        self.sqs = cloud.client("sqs")
        changes.setdefault("queue_url", self.sqs.create_queue(QueueName=f"q-{uuid.uuid4()}")["QueueUrl"])
        self.settings = replace(
            declared_mapping(cloud),
            **{"batch_size": 2} | changes,
        )
        self.ids = [
            self.sqs.send_message(QueueUrl=self.settings.queue_url, MessageBody=text)["MessageId"]
            for text in ("first", "second")
        ]
        self.events: list[dict[str, Any]] = []
        self.reported: list[Exception] = []

    def mapping(self, answer: Callable[[list[str]], Any]) -> EventSourceMapping:
        """Return a poller of this queue; `answer` computes the function's answer from the message ids."""

        def invoke(event: dict[str, Any]) -> Any:
            self.events.append(event)
            return answer([record["messageId"] for record in event["Records"]])

        return EventSourceMapping(self.sqs, self.settings, invoke, self.reported.append)

    def left_after(self, answer: Callable[[list[str]], Any]) -> list[str]:
        """Poll once; return the bodies of the remaining messages."""
        self.mapping(answer).poll_once()
        return self.left()

    def left(self) -> list[str]:
        """Return the bodies of the messages in the queue, including invisible ones."""
        for record in self.events[-1]["Records"] if self.events else []:
            with suppress(self.sqs.exceptions.ClientError):
                # A deleted message can't be made visible again.
                self.sqs.change_message_visibility(
                    QueueUrl=self.settings.queue_url,
                    ReceiptHandle=record["receiptHandle"],
                    VisibilityTimeout=0,
                )
        found = self.sqs.receive_message(QueueUrl=self.settings.queue_url, MaxNumberOfMessages=10)
        return sorted(message["Body"] for message in found.get("Messages", []))


@contextmanager
def polling(mapping: EventSourceMapping) -> Iterator[None]:
    """Poll during the ``with`` block, and stop even if the test fails."""
    mapping.start()
    try:
        yield
    finally:
        assert mapping.stop()


def raising(_: list[str]) -> Any:
    raise RuntimeError("the function died")


@pytest.mark.parametrize(
    ("answer", "left"),
    [
        (lambda ids: {"batchItemFailures": []}, NONE),
        (lambda ids: {"batchItemFailures": None}, NONE),
        (lambda ids: {}, NONE),
        (lambda ids: None, NONE),
        (lambda ids: {"batchItemFailures": [{"itemIdentifier": ids[0]}]}, ["first"]),
        (lambda ids: {"batchItemFailures": [{"itemIdentifier": ids[1]}]}, ["second"]),
        (lambda ids: {"batchItemFailures": [{"itemIdentifier": one} for one in ids]}, BOTH),
        (lambda ids: {"batchItemFailures": [{"itemIdentifier": ""}]}, BOTH),
        (lambda ids: {"batchItemFailures": [{"itemIdentifier": None}]}, BOTH),
        (lambda ids: {"batchItemFailures": [{"itemIdentifier": "of another batch"}]}, BOTH),
        (lambda ids: {"batchItemFailures": [{"itemIdentifier": ids[0]}, {"itemIdentifier": "?"}]}, BOTH),
        (lambda ids: {"batchItemFailures": [{"wrongKey": ids[0]}]}, BOTH),
        (lambda ids: {"batchItemFailures": "all"}, BOTH),
        (lambda ids: "fine", BOTH),
        (lambda ids: [], BOTH),
        (raising, BOTH),
    ],
)
def test_b30_the_answer_decides_which_messages_are_deleted(
    cloud: LocalCloud, answer: Callable[[list[str]], Any], left: list[str]
) -> None:
    assert Queue(cloud).left_after(answer) == left


def test_b31_without_partial_failures_every_answer_deletes_all_messages(cloud: LocalCloud) -> None:
    queue = Queue(cloud, reports_failures=False)
    assert queue.left_after(lambda ids: {"batchItemFailures": [{"itemIdentifier": ids[0]}]}) == []


def test_b31_without_partial_failures_a_failed_invocation_deletes_none(cloud: LocalCloud) -> None:
    assert Queue(cloud, reports_failures=False).left_after(raising) == BOTH


def test_a_failed_invocation_is_reported(cloud: LocalCloud) -> None:
    queue = Queue(cloud)
    queue.left_after(raising)
    assert [type(error) for error in queue.reported] == [RuntimeError]


def test_the_event_has_lambda_s_form(cloud: LocalCloud) -> None:
    queue = Queue(cloud)
    queue.left_after(lambda ids: None)
    (event,) = queue.events
    assert [record["body"] for record in event["Records"]] == ["first", "second"]
    assert {record["eventSource"] for record in event["Records"]} == {"aws:sqs"}
    assert event["Records"][0]["attributes"]["ApproximateReceiveCount"] == "1"
    assert event["Records"][0]["eventSourceARN"].endswith(":churn-local-inputs")
    json.dumps(event)


def test_message_attributes_have_lambda_s_form(cloud: LocalCloud) -> None:
    queue = Queue(cloud, batch_size=10)
    queue.sqs.send_message(
        QueueUrl=queue.settings.queue_url,
        MessageBody="third",
        MessageAttributes={
            "from": {"DataType": "String", "StringValue": "backfill"},
            "raw": {"DataType": "Binary", "BinaryValue": b"\xff"},
        },
    )
    queue.left_after(lambda ids: None)
    lists: dict[str, list[Any]] = {"stringListValues": [], "binaryListValues": []}
    (written,) = [r["messageAttributes"] for r in queue.events[0]["Records"] if r["messageAttributes"]]
    assert written == {
        "from": {"dataType": "String", "stringValue": "backfill", **lists},
        "raw": {"dataType": "Binary", "binaryValue": "/w==", **lists},
    }


def test_failed_messages_are_delivered_again_after_the_visibility_timeout(cloud: LocalCloud) -> None:
    queue = Queue(cloud)
    mapping = queue.mapping(raising)
    assert [mapping.poll_once(), mapping.poll_once()] == [2, 0]


def test_a_shorter_retry_time_applies_only_to_failed_messages(cloud: LocalCloud) -> None:
    queue = Queue(cloud, retry_seconds=1)
    others: list[int] = []
    second = queue.mapping(raising)

    def answer(ids: list[str]) -> Any:
        # Each poll waits for a second; after two the messages would be visible again.
        others.extend(second.poll_once() for _ in range(2))
        return {"batchItemFailures": [{"itemIdentifier": ids[0]}]}

    queue.mapping(answer).poll_once()
    assert others == [0, 0]
    while not second.poll_once():
        pass
    assert [record["messageId"] for record in queue.events[-1]["Records"]] == queue.ids[:1]


def test_a_message_that_always_fails_gets_into_the_dead_letter_queue(cloud: LocalCloud) -> None:
    most = TemplateSettings().properties("InputQueue")["RedrivePolicy"]["maxReceiveCount"]
    queue = Queue(
        cloud,
        batch_size=1,
        retry_seconds=1,
        queue_url=declared_mapping(cloud).queue_url,
    )
    mapping = queue.mapping(raising)
    dead = queue.sqs.get_queue_url(QueueName="churn-local-inputs-dead")["QueueUrl"]
    letters: set[str] = set()
    while len(letters) < 2:
        mapping.poll_once()
        for letter in queue.sqs.receive_message(QueueUrl=dead, VisibilityTimeout=60).get("Messages", []):
            letters.add(letter["MessageId"])
    assert letters == set(queue.ids)
    counts = [int(event["Records"][0]["attributes"]["ApproximateReceiveCount"]) for event in queue.events]
    assert max(counts) == most


def test_the_allowed_number_of_invocations_runs_at_the_same_time(cloud: LocalCloud) -> None:
    queue = Queue(cloud, batch_size=1, concurrency=2)
    both = threading.Barrier(3)
    with polling(queue.mapping(lambda ids: both.wait(timeout=PATIENCE_SECONDS) and None)):
        both.wait(timeout=PATIENCE_SECONDS)
    assert queue.left() == NONE


def test_stop_waits_for_calls_in_progress_up_to_its_limit(cloud: LocalCloud) -> None:
    queue = Queue(cloud)
    called, may_end = threading.Event(), threading.Event()

    def answer(ids: list[str]) -> None:
        called.set()
        assert may_end.wait(timeout=PATIENCE_SECONDS)

    mapping = queue.mapping(answer)
    with polling(mapping):
        assert called.wait(timeout=PATIENCE_SECONDS)
        assert not mapping.stop(seconds=0.1)
        may_end.set()
    assert queue.left() == NONE
    assert len(queue.events) == 1


@pytest.mark.parametrize(("operation", "handled"), [("ReceiveMessage", 1), ("DeleteMessage", 2)])
def test_no_message_is_lost_when_the_queue_does_not_answer_once(
    cloud: LocalCloud, operation: str, handled: int
) -> None:
    queue = Queue(cloud, batch_size=1)
    queue.sqs.set_queue_attributes(QueueUrl=queue.settings.queue_url, Attributes={"VisibilityTimeout": "1"})
    faults = [EndpointConnectionError(endpoint_url=cloud.address)]
    emptied = threading.Event()

    def fail_once(**_: Any) -> None:
        if faults:
            raise faults.pop()

    queue.sqs.meta.events.register(f"before-call.sqs.{operation}", fail_once)
    seen: list[str] = []

    def answer(ids: list[str]) -> None:
        seen.extend(ids)
        if set(seen) == set(queue.ids) and len(seen) == handled + 1:
            emptied.set()

    with polling(queue.mapping(answer)):
        assert emptied.wait(timeout=PATIENCE_SECONDS)
    assert [type(error) for error in queue.reported] == [EndpointConnectionError]
    assert queue.left() == NONE
