"""List inputs that could not be scored (quarantine records, dead letters), and queue them again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from churn_core.errors import ChurnError
from functions.client.results import find_results, read_record
from functions.shared.aws_errors import CONDITION_FAILED, error_code
from functions.shared.messages import read_message
from functions.shared.objects import JSON, QUARANTINE_PREFIX, REQUEUED, InputObject, record_source
from functions.shared.outcomes import NotScoredError

if TYPE_CHECKING:
    from collections.abc import Iterator

_PEEK_SECONDS: Final = 30
_MESSAGES_AT_ONCE: Final = 10


class RedriveError(ChurnError):
    """A chosen input can't be queued again."""


@dataclass(frozen=True, slots=True)
class StackNames:
    """The queues and buckets of a stack.

    Attributes
    ----------
    queue_url, dead_letter_url : str
    input_bucket, output_bucket : str
    """

    queue_url: str
    dead_letter_url: str
    input_bucket: str
    output_bucket: str


@dataclass(frozen=True, slots=True)
class Unscored:
    """One input, or one message, without scores.

    Attributes
    ----------
    place : str
        ``quarantine`` or ``dead-letter``.
    name : str
        The input's id; the message's id if it names no object.
    code : str
        The record's code; ``given-up`` for a dead letter.
    detail : str
        One sentence about the reason.
    address : str or None
        Address of the input object.
    requeued : int
        How many times it was queued again since the record was written.
    handle : str
        Key of the record, or receipt handle of the message.
    body : str or None
        Message to send when it is queued again; None if the record names no object.
    """

    place: str
    name: str
    code: str
    detail: str
    address: str | None
    requeued: int
    handle: str
    body: str | None


def list_quarantined(s3: Any, names: StackNames, skipped: list[str]) -> Iterator[Unscored]:
    """Yield the records, except those whose input has been scored since.

    Parameters
    ----------
    s3 : client
        boto3's.
    names : StackNames
    skipped : list of str
        Gets the key of each object that is no record.
    """
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=names.output_bucket, Prefix=QUARANTINE_PREFIX)
    for page in pages:
        for found in page.get("Contents", []):
            record, _ = read_record(s3, names.output_bucket, found["Key"])
            if record is None:
                continue
            if not record:
                skipped.append(found["Key"])
                continue
            source = None if record["key"] is None else record_source(record)
            if source is not None and find_results(s3, names.output_bucket, [source]).scored:
                continue
            yield Unscored(
                place="quarantine",
                name=found["Key"].removeprefix(QUARANTINE_PREFIX).removesuffix(".json"),
                code=record["code"],
                detail=record["detail"],
                address=None if source is None else f"s3://{source.bucket}/{source.key}",
                requeued=record.get(REQUEUED, 0),
                handle=found["Key"],
                body=None if source is None else build_event(source),
            )


def list_dead_letters(sqs: Any, names: StackNames) -> list[Unscored]:
    """List the dead letters; SQS hides them from other readers for half a minute."""
    letters: dict[str, Unscored] = {}
    while True:
        answer = sqs.receive_message(
            QueueUrl=names.dead_letter_url,
            MaxNumberOfMessages=_MESSAGES_AT_ONCE,
            VisibilityTimeout=_PEEK_SECONDS,
            AttributeNames=["ApproximateReceiveCount"],
        )
        messages = answer.get("Messages", [])
        new = [message for message in messages if message["MessageId"] not in letters]
        for message in new:
            letters[message["MessageId"]] = _dead_letter(message, names)
        if not new:
            return list(letters.values())


def release(sqs: Any, names: StackNames, letters: list[Unscored]) -> None:
    """Make listed messages visible again for other readers."""
    for letter in letters:
        sqs.change_message_visibility(
            QueueUrl=names.dead_letter_url, ReceiptHandle=letter.handle, VisibilityTimeout=0
        )


def requeue(s3: Any, sqs: Any, names: StackNames, chosen: Unscored) -> None:
    """Put one input back into the queue.

    A record is marked before its message is sent; a dead letter is deleted after its message is sent. So an
    interrupted command may queue an input twice, but never loses one.

    Raises
    ------
    RedriveError
        If the message names no object, or the record changed at the same time.
    """
    if chosen.body is None:
        raise RedriveError(
            f"Message {chosen.name} does not name an S3 object, so it can't be queued again; upload the"
            " object to the input bucket again."
        )
    if chosen.place == "quarantine":
        _mark_requeued(s3, names, chosen)
    sqs.send_message(QueueUrl=names.queue_url, MessageBody=chosen.body)
    if chosen.place == "dead-letter":
        sqs.delete_message(QueueUrl=names.dead_letter_url, ReceiptHandle=chosen.handle)


def _mark_requeued(s3: Any, names: StackNames, chosen: Unscored) -> None:
    record, etag = read_record(s3, names.output_bucket, chosen.handle)
    if not record:
        raise RedriveError(f"The record of {chosen.name} was deleted; run 'churn redrive' again.")
    marked = record | {REQUEUED: record.get(REQUEUED, 0) + 1}
    try:
        s3.put_object(
            Bucket=names.output_bucket,
            Key=chosen.handle,
            Body=json.dumps(marked).encode(),
            ContentType=JSON,
            IfMatch=etag,
        )
    except s3.exceptions.ClientError as error:
        if error_code(error) not in CONDITION_FAILED:
            raise
        raise RedriveError(
            f"The record of {chosen.name} changed at the same time; run 'churn redrive' again."
        ) from error


def build_event(source: InputObject) -> str:
    """Return EventBridge's event about a new object, as JSON."""
    described = {"key": source.key, "size": source.size, "etag": source.etag}
    if source.version_id is not None:
        described["version-id"] = source.version_id
    return json.dumps(
        {
            "version": "0",
            "detail-type": "Object Created",
            "source": "aws.s3",
            "detail": {"version": "0", "bucket": {"name": source.bucket}, "object": described},
        }
    )


def _dead_letter(message: dict[str, Any], names: StackNames) -> Unscored:
    named = read_message(message["Body"], names.input_bucket)
    sources = [source for source in named if not isinstance(source, NotScoredError)]
    return Unscored(
        place="dead-letter",
        name=sources[0].input_id if sources else message["MessageId"],
        code="given-up",
        detail=f'All deliveries failed; search the batch log for message_id = "{message["MessageId"]}".',
        address=f"s3://{sources[0].bucket}/{sources[0].key}" if sources else None,
        requeued=0,
        handle=message["ReceiptHandle"],
        body=message["Body"],
    )
