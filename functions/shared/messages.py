"""Which objects a message of the queue speaks of.

Two shapes of S3's news are read: EventBridge's "Object Created", which is what the stack sends, and S3's
own notification, which a bucket of one's own may send straight to the queue.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote_plus

from functions.shared.objects import (
    _UNVERSIONED,
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
        JSON text, supposedly.
    input_bucket : str
        The only bucket from which objects are taken.

    Returns
    -------
    list of InputObject or NotScoredError
        One for each object that the message speaks of, in its order; or one fault if it speaks of none.
        The faults' outcomes are ``bad-message``, ``unsupported-event``, ``test-event``, ``event-type``,
        ``not-an-input`` and ``foreign``.
    """
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        return [_bad_message()]
    if not isinstance(message, dict):
        return [_bad_message()]
    if message.get("Event") == "s3:TestEvent":
        return [
            NotScoredError(Outcome.TEST_EVENT, "S3 has tried out its notification; nothing is to be done.")
        ]
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
    """Read an event of EventBridge, whose keys come as they are."""
    if event["source"] != "aws.s3":
        raise _bad_message()
    if event["detail-type"] != "Object Created":
        raise _other_event()
    detail = event["detail"]
    if detail.get("version", "0") != "0":
        raise _unsupported()
    described = detail["object"]
    # AWS writes etag; moto, on which the stack runs locally, eTag.
    etag = described.get("etag", described.get("eTag"))
    return _input_object(
        detail["bucket"]["name"], described["key"], described.get("version-id"), etag, described
    )


def _from_notification(record: dict[str, Any]) -> InputObject:
    """Read a record of S3's own notification, whose keys come form-url-encoded."""
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
    key.encode()  # A lone surrogate is no key that S3 could have.
    return InputObject(
        bucket=bucket,
        key=key,
        version_id=None if version in _UNVERSIONED else version,
        etag=etag.strip('"'),
        size=int(described.get("size", 0)),
    )


def check_place(source: InputObject, input_bucket: str) -> None:
    """Refuse what is no input by its place.

    Raises
    ------
    NotScoredError
        ``foreign`` or ``not-an-input``.
    """
    own_results = source.key.startswith((SCORED_PREFIX, QUARANTINE_PREFIX))
    if source.bucket != input_bucket or own_results:
        # A function that read what it wrote would never come to an end.
        raise NotScoredError(
            Outcome.FOREIGN, "The object lies in another bucket; drop it into the input bucket."
        )
    if not (source.key.startswith(INPUT_PREFIXES) and source.key.lower().endswith(INPUT_SUFFIX)):
        raise NotScoredError(
            Outcome.NOT_AN_INPUT,
            f"The object is none to be scored; name it {INPUT_PREFIX}...{INPUT_SUFFIX}.",
        )


def _bad_message() -> NotScoredError:
    return NotScoredError(
        Outcome.BAD_MESSAGE, "The message is none of S3's; send what S3 or EventBridge would send."
    )


def _other_event() -> NotScoredError:
    return NotScoredError(Outcome.EVENT_TYPE, "The event is not about a new object; nothing is to be done.")


def _unsupported() -> NotScoredError:
    return NotScoredError(
        Outcome.UNSUPPORTED_EVENT, "The event has a version that is not known; update the function."
    )
