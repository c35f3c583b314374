"""A local stand-in for Lambda's queue poller: it passes messages to a function and deletes the handled ones.

Source: AWS's pages "Using Lambda with Amazon SQS" and "Handling errors for an SQS event source in Lambda".
"""

from __future__ import annotations

import base64
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from collections.abc import Callable

_LONG_POLL_SECONDS: Final = 1
_PAUSE_SECONDS: Final = 1.0
"""Pause after the queue did not answer."""


@dataclass(frozen=True, slots=True)
class MappingSettings:
    """The template's settings of the mapping.

    Attributes
    ----------
    queue_url, queue_arn : str
    batch_size : int
        Maximum number of messages in one invocation.
    reports_failures : bool
        Whether the function's answer names the messages that failed.
    concurrency : int
        Invocations at the same time.
    retry_seconds : int or None
        Time after which a failed message is delivered again. None, as on AWS, means the visibility timeout.
    """

    queue_url: str
    queue_arn: str
    batch_size: int
    reports_failures: bool
    concurrency: int
    retry_seconds: int | None = None


class EventSourceMapping:
    """Polls a queue between `start` and `stop`.

    Parameters
    ----------
    sqs : client
        A boto3 client.
    settings : MappingSettings
    invoke : callable
        Takes the event, returns the function's answer, or raises if the invocation failed.
    report : callable, optional
        Called with the error when an invocation fails or the queue does not answer.
    """

    def __init__(
        self,
        sqs: Any,
        settings: MappingSettings,
        invoke: Callable[[dict[str, Any]], Any],
        report: Callable[[Exception], None] | None = None,
    ) -> None:
        self._sqs = sqs
        self._settings = settings
        self._invoke = invoke
        self._report = report or (lambda _: None)
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Start one polling thread for each invocation that may run at the same time."""
        self._threads = [
            threading.Thread(target=self._run, name=f"poller-{number}")
            for number in range(self._settings.concurrency)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self, seconds: float | None = None) -> bool:
        """Stop polling, and wait for the invocations in progress.

        Parameters
        ----------
        seconds : float, optional
            Longest time to wait. Longer invocations go on; their messages are still in the queue.

        Returns
        -------
        bool
            Whether all invocations have ended.
        """
        self._stopping.set()
        deadline = None if seconds is None else time.monotonic() + seconds
        for thread in self._threads:
            thread.join(None if deadline is None else max(0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.poll_once()
            except (BotoCoreError, ClientError) as error:
                # A message that was not deleted is delivered again: twice is better than never.
                self._report(error)
                self._stopping.wait(_PAUSE_SECONDS)

    def poll_once(self) -> int:
        """Receive and handle one batch; return how many messages it had."""
        answer = self._sqs.receive_message(
            QueueUrl=self._settings.queue_url,
            MaxNumberOfMessages=self._settings.batch_size,
            WaitTimeSeconds=_LONG_POLL_SECONDS,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        messages = answer.get("Messages", [])
        if messages:
            self._handle(messages)
        return len(messages)

    def _handle(self, messages: list[dict[str, Any]]) -> None:
        event = {"Records": [self._record(message) for message in messages]}
        sent = {message["MessageId"] for message in messages}
        try:
            kept = self._kept(self._invoke(event), sent)
        except Exception as error:  # noqa: BLE001
            # After any failed invocation the messages stay in the queue, as with Lambda.
            self._report(error)
            kept = sent
        for message in messages:
            handle = {"QueueUrl": self._settings.queue_url, "ReceiptHandle": message["ReceiptHandle"]}
            if message["MessageId"] not in kept:
                self._sqs.delete_message(**handle)
            elif self._settings.retry_seconds is not None:
                self._sqs.change_message_visibility(**handle, VisibilityTimeout=self._settings.retry_seconds)

    def _kept(self, answer: Any, sent: set[str]) -> set[str]:
        """Return the ids of the messages that stay in the queue, by Lambda's rules for the answer."""
        if not self._settings.reports_failures:
            return set()
        # null, an answer without the list and an empty list mean success.
        if answer is None:
            return set()
        if not isinstance(answer, dict):
            return sent
        failures = answer.get("batchItemFailures")
        if failures is None:
            return set()
        if not isinstance(failures, list):
            return sent
        named = {
            str(failure.get("itemIdentifier")) if isinstance(failure, dict) else "" for failure in failures
        }
        # An id that was not sent makes the whole batch a failure.
        return named if named <= sent else sent

    def _record(self, message: dict[str, Any]) -> dict[str, Any]:
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message.get("Attributes", {}),
            "messageAttributes": {
                name: _attribute(value) for name, value in message.get("MessageAttributes", {}).items()
            },
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": self._settings.queue_arn,
            "awsRegion": self._settings.queue_arn.split(":")[3],
        }


def _attribute(value: dict[str, Any]) -> dict[str, Any]:
    """Return a message attribute in the form of a Lambda event."""
    written: dict[str, Any] = {"stringListValues": [], "binaryListValues": [], "dataType": value["DataType"]}
    if "StringValue" in value:
        written["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        written["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode("ascii")
    return written
