"""The poller of the local stack deletes what Lambda's would, on a real queue over HTTP."""

from __future__ import annotations

import json
import threading
import uuid
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest
from botocore.exceptions import EndpointConnectionError

from infra.local.event_source_mapping import EventSourceMapping
from infra.local.local_cloud import LocalCloud
from infra.local.template_settings import TemplateSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


NONE: Final[list[str]] = []
BOTH: Final = ["first", "second"]


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud(TemplateSettings()) as running:
        yield running


class Queue:
    """A queue with two messages, and the function that is called with them."""

    def __init__(self, cloud: LocalCloud, **changes: Any) -> None:
        self.sqs = cloud.client("sqs")
        changes.setdefault("queue_url", self.sqs.create_queue(QueueName=f"q-{uuid.uuid4()}")["QueueUrl"])
        self.settings = replace(cloud.mapping(workers=1), **{"batch_size": 2} | changes)
        self.ids = [
            self.sqs.send_message(QueueUrl=self.settings.queue_url, MessageBody=text)["MessageId"]
            for text in ("first", "second")
        ]
        self.events: list[dict[str, Any]] = []
        self.reported: list[Exception] = []

    def mapping(self, answer: Callable[[list[str]], Any]) -> EventSourceMapping:
        """The poller of this queue, whose function answers so to the ids of its messages."""

        def invoke(event: dict[str, Any]) -> Any:
            self.events.append(event)
            return answer([record["messageId"] for record in event["Records"]])

        return EventSourceMapping(self.sqs, self.settings, invoke, self.reported.append)

    def left_after(self, answer: Callable[[list[str]], Any]) -> list[str]:
        """Let the function answer once; return the bodies of the messages that are left."""
        self.mapping(answer).poll_once()
        return self.left()

    def left(self) -> list[str]:
        """Return the bodies of the messages in the queue, those that are being handled included."""
        for record in self.events[-1]["Records"] if self.events else []:
            with suppress(self.sqs.exceptions.ClientError):
                # What was deleted can't be made visible again.
                self.sqs.change_message_visibility(
                    QueueUrl=self.settings.queue_url,
                    ReceiptHandle=record["receiptHandle"],
                    VisibilityTimeout=0,
                )
        found = self.sqs.receive_message(QueueUrl=self.settings.queue_url, MaxNumberOfMessages=10)
        return sorted(message["Body"] for message in found.get("Messages", []))


@contextmanager
def polling(mapping: EventSourceMapping) -> Iterator[None]:
    """Let it poll, and end it also if the test fails."""
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
def test_b30_the_answer_says_which_messages_are_done(
    cloud: LocalCloud, answer: Callable[[list[str]], Any], left: list[str]
) -> None:
    assert Queue(cloud).left_after(answer) == left


def test_b31_without_that_setting_every_answer_deletes_all(cloud: LocalCloud) -> None:
    queue = Queue(cloud, reports_failures=False)
    assert queue.left_after(lambda ids: {"batchItemFailures": [{"itemIdentifier": ids[0]}]}) == []


def test_b31_also_without_it_a_failed_invocation_deletes_none(cloud: LocalCloud) -> None:
    assert Queue(cloud, reports_failures=False).left_after(raising) == BOTH


def test_a_failed_invocation_is_reported(cloud: LocalCloud) -> None:
    queue = Queue(cloud)
    queue.left_after(raising)
    assert [type(error) for error in queue.reported] == [RuntimeError]


def test_the_function_gets_what_lambda_would_hand_it(cloud: LocalCloud) -> None:
    queue = Queue(cloud)
    queue.left_after(lambda ids: None)
    (event,) = queue.events
    assert [record["body"] for record in event["Records"]] == ["first", "second"]
    assert {record["eventSource"] for record in event["Records"]} == {"aws:sqs"}
    assert event["Records"][0]["attributes"]["ApproximateReceiveCount"] == "1"
    assert event["Records"][0]["eventSourceARN"].endswith(":churn-local-inputs")
    json.dumps(event)


def test_an_attribute_of_a_message_is_written_as_lambda_does(cloud: LocalCloud) -> None:
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


def test_what_failed_comes_again_only_when_its_visibility_timeout_is_over(cloud: LocalCloud) -> None:
    queue = Queue(cloud)
    mapping = queue.mapping(raising)
    assert [mapping.poll_once(), mapping.poll_once()] == [2, 0]


def test_a_shorter_wait_is_for_what_failed_and_not_for_what_is_under_way(cloud: LocalCloud) -> None:
    queue = Queue(cloud, retry_seconds=1)
    others: list[int] = []
    second = queue.mapping(raising)

    def answer(ids: list[str]) -> Any:
        # Each waits for a second, so that the messages would be visible again by now.
        others.extend(second.poll_once() for _ in range(2))
        return {"batchItemFailures": [{"itemIdentifier": ids[0]}]}

    queue.mapping(answer).poll_once()
    assert others == [0, 0]
    while not second.poll_once():
        pass
    assert [record["messageId"] for record in queue.events[-1]["Records"]] == queue.ids[:1]


def test_a_message_that_always_fails_ends_among_the_dead_letters(cloud: LocalCloud) -> None:
    most = TemplateSettings().properties("InputQueue")["RedrivePolicy"]["maxReceiveCount"]
    queue = Queue(cloud, batch_size=1, retry_seconds=1, queue_url=cloud.mapping(workers=1).queue_url)
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


def test_as_many_invocations_as_are_allowed_are_under_way_at_once(cloud: LocalCloud) -> None:
    queue = Queue(cloud, batch_size=1, concurrency=2)
    both = threading.Barrier(3)
    with polling(queue.mapping(lambda ids: both.wait(timeout=20) and None)):
        both.wait(timeout=20)
    assert queue.left() == NONE


def test_stopping_waits_for_what_is_under_way_but_no_longer_than_it_is_told(cloud: LocalCloud) -> None:
    queue = Queue(cloud)
    called, may_end = threading.Event(), threading.Event()

    def answer(ids: list[str]) -> None:
        called.set()
        assert may_end.wait(timeout=20)

    mapping = queue.mapping(answer)
    with polling(mapping):
        assert called.wait(timeout=20)
        assert not mapping.stop(seconds=0.1)
        may_end.set()
    assert queue.left() == NONE
    assert len(queue.events) == 1


@pytest.mark.parametrize(("operation", "handled"), [("ReceiveMessage", 1), ("DeleteMessage", 2)])
def test_a_queue_that_does_not_answer_once_is_polled_again_and_nothing_is_lost(
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
        assert emptied.wait(timeout=20)
    assert [type(error) for error in queue.reported] == [EndpointConnectionError]
    assert queue.left() == NONE
