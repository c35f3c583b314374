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


def read_message(body: str, input_bucket: str) -> list[InputObject | NotScoredError]:
    """Read the body of a queue message.

    Parameters
    ----------
    body : str
        JSON, if the message is valid.
    input_bucket : str
        Objects of other buckets are refused.

    Returns
    -------
    list of InputObject or NotScoredError
        One for each object that the message names, in its order; or one error if it names none.
        The errors' outcomes are ``bad-message``, ``unsupported-event``, ``test-event``, ``event-type``,
        ``not-an-input`` and ``foreign``.
    """
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        return [_bad_message()]
    if not isinstance(message, dict):
        return [_bad_message()]
    if message.get("Event") == "s3:TestEvent":
        return [NotScoredError(Outcome.TEST_EVENT, "S3 sent its test event; no action is needed.")]
    records, read = (
        (message["Records"], _from_notification) if "Records" in message else ([message], _from_event)
    )
    if not isinstance(records, list) or not records:
        return [_bad_message()]
    found: list[InputObject | NotScoredError] = []
    for record in records:
        try:
            source = read(record)
            check_place(source, input_bucket)
        except NotScoredError as fault:
            found.append(fault)
        except (KeyError, TypeError, ValueError, AttributeError):
            found.append(_bad_message())
        else:
            found.append(source)
    return found


def _from_event(event: dict[str, Any]) -> InputObject:
    """Read an EventBridge event; its keys are not encoded."""
    if event["source"] != "aws.s3":
        raise _bad_message()
    if event["detail-type"] != "Object Created":
        raise _other_event()
    detail = event["detail"]
    if detail.get("version", "0") != "0":
        raise _unsupported()
    described = detail["object"]
    # AWS writes etag; moto, on which the stack runs locally, writes eTag.
    etag = described.get("etag", described.get("eTag"))
    return _input_object(
        detail["bucket"]["name"], described["key"], described.get("version-id"), etag, described
    )


def _from_notification(record: dict[str, Any]) -> InputObject:
    """Read a record of S3's own notification; its keys are form-url-encoded."""
    if record["eventSource"] != "aws:s3":
        raise _bad_message()
    # A new minor version may add fields; a new major one may change what they mean.
    if record["eventVersion"].split(".")[0] != "2":
        raise _unsupported()
    if not record["eventName"].startswith("ObjectCreated:"):
        raise _other_event()
    described = record["s3"]["object"]
    key = unquote_plus(described["key"], errors="strict")
    return _input_object(
        record["s3"]["bucket"]["name"], key, described.get("versionId"), described["eTag"], described
    )


def _input_object(
    bucket: object, key: object, version: object, etag: object, described: dict[str, Any]
) -> InputObject:
    if not (isinstance(bucket, str) and isinstance(key, str) and isinstance(etag, str)):
        raise _bad_message()
    if not (bucket and key and etag and isinstance(version, str | None)):
        raise _bad_message()
    key.encode()  # Raises for a lone surrogate, which no key in S3 contains.
    return InputObject(bucket, key, version, etag, int(described.get("size", 0)))


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


def _bad_message() -> NotScoredError:
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
