"""Find the objects that a queue message names.

Two message formats are read: EventBridge's "Object Created" event, which the stack sends, and S3's own
notification, which another bucket may send to the queue directly.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote_plus

from functions.shared.objects import (
    INPUT_PREFIX,
    INPUT_PREFIXES,
    INPUT_SUFFIX,
    QUARANTINE_PREFIX,
    SCORED_PREFIX,
    InputObject,
)
from functions.shared.outcomes import NotScoredError, Outcome


class BadEventError(Exception):
    """The event that invoked the function has neither format that it knows."""


def read_message_id(record: object) -> str | None:
    """Return the id of a message of the queue; None if it has none that SQS could have given it."""
    message_id = record.get("messageId") if isinstance(record, dict) else None
    is_id = isinstance(message_id, str) and message_id.isascii() and message_id.isprintable()
    return message_id if is_id and message_id else None


def read_delivery(record: dict[str, Any]) -> int:
    """Return the number of a message's delivery; 1, which is tried again, if it can't be read."""
    try:
        return int(record["attributes"]["ApproximateReceiveCount"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return 1


def read_message(body: object, input_bucket: str) -> list[InputObject | NotScoredError]:
    """Read the body of a queue message.

    Parameters
    ----------
    body : object
        A text with JSON, if the message is valid.
    input_bucket : str
        Objects of other buckets are refused.

    Returns
    -------
    list of InputObject or NotScoredError
        One element for each object in the message, in the same order: the object, or the error that
        says why it is not scored. A message without objects gives one error. The errors' outcomes are
        ``bad-message``, ``unsupported-event``, ``test-event``, ``event-type``, ``not-an-input`` and
        ``foreign``.
    """
    try:
        message = json.loads(body) if isinstance(body, str) else None
    except (ValueError, RecursionError):
        return [bad_message()]
    if not isinstance(message, dict):
        return [bad_message()]
    if message.get("Event") == "s3:TestEvent":
        return [NotScoredError(Outcome.TEST_EVENT, "S3 sent its test event; no action is needed.")]
    records, read = (
        (message["Records"], _from_notification) if "Records" in message else ([message], _from_event)
    )
    if not isinstance(records, list) or not records:
        return [bad_message()]
    found: list[InputObject | NotScoredError] = []
    for record in records:
        try:
            source = read(record)
            check_place(source, input_bucket)
        except NotScoredError as fault:
            found.append(fault)
        except (KeyError, TypeError, ValueError, AttributeError):
            # The event has another shape, or names no possible object.
            found.append(bad_message())
        else:
            found.append(source)
    return found


def _from_event(event: dict[str, Any]) -> InputObject:
    """Read an EventBridge event; its keys are not encoded."""
    if event["source"] != "aws.s3":
        raise bad_message()
    if event["detail-type"] != "Object Created":
        raise _other_event()
    detail = event["detail"]
    if detail.get("version", "0") != "0":
        raise _unsupported()
    described = detail["object"]
    # AWS writes etag; moto, on which the stack runs locally, writes eTag.
    etag = described.get("etag", described.get("eTag"))
    version = described.get("version-id")
    return InputObject.checked(
        detail["bucket"]["name"], described["key"], version, etag, described.get("size", 0)
    )


def _from_notification(record: dict[str, Any]) -> InputObject:
    """Read a record of S3's own notification; its keys are form-url-encoded."""
    if record["eventSource"] != "aws:s3":
        raise bad_message()
    # A new minor version may add fields; a new major one may change what they mean.
    if record["eventVersion"].split(".")[0] != "2":
        raise _unsupported()
    if not record["eventName"].startswith("ObjectCreated:"):
        raise _other_event()
    described = record["s3"]["object"]
    key = unquote_plus(described["key"], errors="strict")
    version, size = described.get("versionId"), described.get("size", 0)
    return InputObject.checked(record["s3"]["bucket"]["name"], key, version, described["eTag"], size)


def check_place(source: InputObject, input_bucket: str) -> None:
    """Refuse an object by its bucket or key.

    Raises
    ------
    NotScoredError
        ``foreign`` or ``not-an-input``.
    """
    own_results = source.key.startswith((SCORED_PREFIX, QUARANTINE_PREFIX))
    if source.bucket != input_bucket or own_results:
        # Scoring its own output would start an endless loop.
        raise NotScoredError(
            Outcome.FOREIGN, "The object is not in the input bucket; upload it to the input bucket."
        )
    if not (source.key.startswith(INPUT_PREFIXES) and source.key.lower().endswith(INPUT_SUFFIX)):
        raise NotScoredError(
            Outcome.NOT_AN_INPUT,
            f"The key is outside the input prefixes or does not end with {INPUT_SUFFIX};"
            f" upload the object as {INPUT_PREFIX}NAME{INPUT_SUFFIX}.",
        )


def bad_message() -> NotScoredError:
    """Return the fault of a message that names no valid object."""
    return NotScoredError(
        Outcome.BAD_MESSAGE,
        "The message is not an S3 or EventBridge event; send it as S3 or EventBridge formats it.",
    )


def _other_event() -> NotScoredError:
    return NotScoredError(Outcome.EVENT_TYPE, "The event is not about a new object; no action is needed.")


def _unsupported() -> NotScoredError:
    return NotScoredError(
        Outcome.UNSUPPORTED_EVENT, "The event has an unsupported version; update the function."
    )
