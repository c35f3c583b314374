"""The poller of the local stack deletes what Lambda's would, on a real queue over HTTP."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from event_source_mapping import EventSourceMapping
from local_cloud import LocalCloud
from template_settings import TemplateSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud(TemplateSettings()) as running:
        yield running


class Queue:
    """A queue with two messages of which the function is called."""

    def __init__(self, cloud: LocalCloud, **changes: Any) -> None:
        self.sqs = cloud.client("sqs")
        settings = cloud.mapping(workers=1)
        changes.setdefault("queue_url", self.sqs.create_queue(QueueName=f"q-{uuid.uuid4()}")["QueueUrl"])
        values = {name: getattr(settings, name) for name in settings.__slots__}
        self.settings = type(settings)(**{**values, "batch_size": 2, **changes})
        self.ids = [
            self.sqs.send_message(QueueUrl=self.settings.queue_url, MessageBody=text)["MessageId"]
            for text in ("first", "second")
        ]
        self.events: list[dict[str, Any]] = []
        self.reported: list[Exception] = []

    def left_after(self, answer: Callable[[list[str]], Any]) -> list[str]:
        """Let the function answer once; return the bodies of the messages that are left."""

        def invoke(event: dict[str, Any]) -> Any:
            self.events.append(event)
            return answer([record["messageId"] for record in event["Records"]])

        EventSourceMapping(self.sqs, self.settings, invoke, self.reported.append).poll_once()
        attributes = self.sqs.get_queue_attributes(
            QueueUrl=self.settings.queue_url,
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
        )["Attributes"]
        left = sum(map(int, attributes.values()))
        bodies = [record["body"] for record in self.events[-1]["Records"]]
        return bodies[2 - left :] if left else []


def raising(_: list[str]) -> Any:
    raise RuntimeError("the function died")


@pytest.mark.parametrize(
    ("answer", "left"),
    [
        (lambda ids: {"batchItemFailures": []}, 0),
        (lambda ids: {"batchItemFailures": None}, 0),
        (lambda ids: {}, 0),
        (lambda ids: None, 0),
        (lambda ids: {"batchItemFailures": [{"itemIdentifier": ids[1]}]}, 1),
        (lambda ids: {"batchItemFailures": [{"itemIdentifier": one} for one in ids]}, 2),
        (lambda ids: {"batchItemFailures": [{"itemIdentifier": ""}]}, 2),
        (lambda ids: {"batchItemFailures": [{"itemIdentifier": None}]}, 2),
        (lambda ids: {"batchItemFailures": [{"itemIdentifier": "of another batch"}]}, 2),
        (lambda ids: {"batchItemFailures": [{"wrongKey": ids[0]}]}, 2),
        (lambda ids: {"batchItemFailures": "all"}, 2),
        (lambda ids: "fine", 2),
        (lambda ids: [], 2),
        (raising, 2),
    ],
)
def test_b30_the_answer_says_which_messages_are_done(
    cloud: LocalCloud, answer: Callable[[list[str]], Any], left: int
) -> None:
    assert len(Queue(cloud).left_after(answer)) == left


def test_b31_without_that_setting_every_answer_deletes_all(cloud: LocalCloud) -> None:
    queue = Queue(cloud, reports_failures=False)
    assert queue.left_after(lambda ids: {"batchItemFailures": [{"itemIdentifier": ids[0]}]}) == []


def test_b31_also_without_it_a_failed_invocation_deletes_none(cloud: LocalCloud) -> None:
    assert len(Queue(cloud, reports_failures=False).left_after(raising)) == 2


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


def test_a_message_that_always_fails_ends_among_the_dead_letters(cloud: LocalCloud) -> None:
    template = TemplateSettings().properties("InputQueue")["RedrivePolicy"]["maxReceiveCount"]
    queue = Queue(cloud, batch_size=1, queue_url=cloud.mapping(workers=1).queue_url)
    counts: list[int] = []

    def fail(event: dict[str, Any]) -> Any:
        counts.append(int(event["Records"][0]["attributes"]["ApproximateReceiveCount"]))
        raise RuntimeError

    mapping = EventSourceMapping(queue.sqs, queue.settings, fail)
    dead = queue.sqs.get_queue_url(QueueName="churn-local-inputs-dead")["QueueUrl"]
    letters: set[str] = set()
    while len(letters) < 2:
        mapping.poll_once()
        for letter in queue.sqs.receive_message(QueueUrl=dead, VisibilityTimeout=60).get("Messages", []):
            letters.add(letter["MessageId"])
    assert letters == set(queue.ids)
    assert max(counts) == template


def test_stopping_waits_for_what_is_under_way(cloud: LocalCloud) -> None:
    queue = Queue(cloud, batch_size=1, concurrency=2)
    done: list[str] = []

    def invoke(event: dict[str, Any]) -> None:
        done.append(event["Records"][0]["body"])

    mapping = EventSourceMapping(queue.sqs, queue.settings, invoke)
    mapping.start()
    while len(done) < 2:
        pass
    mapping.stop()
    assert sorted(done) == ["first", "second"]
