"""S3 and EventBridge: the one place of the batch function that knows boto3."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from functions.shared.outcomes import NotScoredError, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from functions.shared.objects import InputObject

SHA256_METADATA: Final = "churn-sha256"
"""Metadata of an object: hexadecimal sha256 of its content; of an input, as its producer declares it."""

EVENT_SOURCE: Final = "churn.batch"
EVENT_TYPE: Final = "ChurnScored"

_CHUNK_BYTES: Final = 1024 * 1024
_UPLOADS: Final = 4
_ARCHIVE_CLASSES: Final = ("GLACIER", "DEEP_ARCHIVE")
_ARCHIVED: Final = "The object is archived; restore it and put it again."

# HEAD has no body, and so no code but the status.
_INPUT_FAULTS: Final = {
    "NoSuchKey": (Outcome.GONE, "The object is gone; put it again to have it scored."),
    "NoSuchVersion": (Outcome.GONE, "The object's version is gone; put it again to have it scored."),
    "404": (Outcome.GONE, "The object is gone; put it again to have it scored."),
    # Where a version is asked for, and a delete marker is all that is left.
    "MethodNotAllowed": (Outcome.GONE, "The object was deleted; put it again to have it scored."),
    "405": (Outcome.GONE, "The object was deleted; put it again to have it scored."),
    "PreconditionFailed": (Outcome.SUPERSEDED, "The object was overwritten; its successor has an event."),
    "412": (Outcome.SUPERSEDED, "The object was overwritten; its successor has an event."),
    "InvalidObjectState": (Outcome.ARCHIVED, _ARCHIVED),
}
_EXISTS: Final = ("PreconditionFailed", "412")
_CONFLICT: Final = ("ConditionalRequestConflict", "409")
_NOT_THERE: Final = ("NoSuchKey", "404")
_DENIED: Final = 403


class S3Client(Protocol):
    """What is used of boto3's client of S3."""

    def head_object(self, **arguments: Any) -> dict[str, Any]:
        """Describe an object."""

    def get_object(self, **arguments: Any) -> dict[str, Any]:
        """Open an object."""

    def put_object(self, **arguments: Any) -> dict[str, Any]:
        """Write an object."""


class EventsClient(Protocol):
    """What is used of boto3's client of EventBridge."""

    def put_events(self, **arguments: Any) -> dict[str, Any]:
        """Send events."""


@dataclass(frozen=True, slots=True)
class Description:
    """What S3 says of an object.

    Attributes
    ----------
    size : int
        In bytes.
    archived : bool
        Whether it must be restored before it can be read.
    metadata : mapping
        What was put with it, by name in small letters.
    """

    size: int
    archived: bool
    metadata: Mapping[str, str]


def s3_client(connections: int = 10) -> S3Client:
    """Return a client for the function's region, or the endpoint that ``AWS_ENDPOINT_URL`` names.

    Parameters
    ----------
    connections : int
        That are kept open, for as many threads.
    """
    client: S3Client = boto3.client("s3", config=_config(60, connections))
    return client


def events_client() -> EventsClient:
    """Return a client of EventBridge, as `s3_client` does."""
    client: EventsClient = boto3.client("events", config=_config(read_timeout=5))
    return client


def _config(read_timeout: int, connections: int = 10) -> Config:
    return Config(
        max_pool_connections=connections,
        connect_timeout=5,
        read_timeout=read_timeout,
        retries={"mode": "standard", "total_max_attempts": 4},
    )


class Storage:
    """Objects of both buckets, and the news about them.

    Parameters
    ----------
    s3 : S3Client
        From `s3_client`.
    events : EventsClient or None
        From `events_client`; None where nobody is to be told.
    """

    def __init__(self, s3: S3Client, events: EventsClient | None = None) -> None:
        self._s3 = s3
        self._events = events

    def describe_input(self, source: InputObject) -> Description:
        """Ask for an input's size and metadata.

        Raises
        ------
        NotScoredError
            ``gone``, ``superseded``, ``access-denied`` or ``storage-unavailable``.
        """
        with typed_faults(_INPUT_FAULTS):
            answer = self._s3.head_object(**which_object(source))
        in_archive = answer.get("StorageClass") in _ARCHIVE_CLASSES
        restored = 'ongoing-request="false"' in answer.get("Restore", "")
        return Description(answer["ContentLength"], in_archive and not restored, _metadata(answer))

    def download(self, source: InputObject, destination: Path, size: int) -> str:
        """Write an input to a file, in one GET whose checksum boto3 verifies; return its sha256.

        A read in ranges could not be verified.

        Raises
        ------
        NotScoredError
            As `describe_input`, or ``archived``, ``damaged-transfer`` or ``no-space``.
        """
        digest = hashlib.sha256()
        with typed_faults(_INPUT_FAULTS):
            answer = self._s3.get_object(**which_object(source), ChecksumMode="ENABLED")
        with (
            typed_faults({}, Outcome.DAMAGED_TRANSFER),
            closing(answer["Body"]) as body,
            _disk(),
            destination.open("wb") as file,
        ):
            for chunk in body.iter_chunks(_CHUNK_BYTES):
                digest.update(chunk)
                file.write(chunk)
        if destination.stat().st_size != size:
            raise NotScoredError(Outcome.DAMAGED_TRANSFER, "The object arrived incomplete; it is read again.")
        return digest.hexdigest()

    def describe_output(self, bucket: str, key: str) -> Description | None:
        """Ask for an output; None where it is not there, as far as can be seen.

        Raises
        ------
        NotScoredError
            ``storage-unavailable``.
        """
        try:
            with typed_faults({}):
                answer = self._s3.head_object(Bucket=bucket, Key=key)
        except NotScoredError as fault:
            # Without the right to list a bucket, S3 answers 403 for what is not there; a right that is
            # really missing shows when the output is written.
            if fault.outcome is Outcome.ACCESS_DENIED or _code(fault) in _NOT_THERE:
                return None
            raise
        return Description(answer["ContentLength"], archived=False, metadata=_metadata(answer))

    def create(
        self,
        bucket: str,
        key: str,
        source: Path | bytes,
        content_type: str,
        metadata: Mapping[str, str] | None = None,
    ) -> bool:
        """Create an object from a file or bytes unless it exists: whole or not at all, this is the commit.

        Returns
        -------
        bool
            Whether the object that is there now has these bytes; False where other ones came first.

        Raises
        ------
        NotScoredError
            ``commit-conflict``, ``access-denied`` or ``storage-unavailable``.
        """
        digest = _digest(source)
        for attempt in range(_UPLOADS):
            try:
                with typed_faults({}), _opened(source) as file:
                    self._s3.put_object(
                        Bucket=bucket,
                        Key=key,
                        Body=file,
                        ContentType=content_type,
                        Metadata={**(metadata or {}), SHA256_METADATA: digest},
                        IfNoneMatch="*",
                    )
            except NotScoredError as fault:
                if _code(fault) in _CONFLICT:
                    # Another upload to this key is under way: S3 says to upload again.
                    time.sleep(0.1 * 2**attempt)
                    continue
                if _code(fault) not in _EXISTS:
                    raise
                # Ours too, maybe: a lost answer makes the SDK send the same object again.
                found = self.describe_output(bucket, key)
                if found is None:
                    raise
                return found.metadata.get(SHA256_METADATA) == digest
            return True
        raise NotScoredError(
            Outcome.COMMIT_CONFLICT, "Another upload to the output goes on; try again later."
        )

    def read_small(self, bucket: str, key: str) -> tuple[bytes, str]:
        """Return the content and the etag of a small object of our own."""
        with typed_faults({}):
            answer = self._s3.get_object(Bucket=bucket, Key=key)
            with closing(answer["Body"]) as body:
                return body.read(_CHUNK_BYTES), answer["ETag"]

    def replace(self, bucket: str, key: str, content: bytes, content_type: str, etag: str) -> None:
        """Replace an object, unless it is another one by now than the one of this etag.

        Raises
        ------
        NotScoredError
            ``access-denied`` or ``storage-unavailable``; the latter too where it is another one.
        """
        with typed_faults({}):
            self._s3.put_object(Bucket=bucket, Key=key, Body=content, ContentType=content_type, IfMatch=etag)

    def announce(self, detail: Mapping[str, Any], kind: str = EVENT_TYPE) -> None:
        """Tell EventBridge that an input is scored, or what else `kind` says.

        Raises
        ------
        NotScoredError
            ``access-denied`` or ``storage-unavailable``.
        """
        if self._events is None:
            return
        entry = {"Source": EVENT_SOURCE, "DetailType": kind, "Detail": json.dumps(detail)}
        with typed_faults({}):
            answer = self._events.put_events(Entries=[entry])
        if answer["FailedEntryCount"]:
            raise NotScoredError(
                Outcome.STORAGE_UNAVAILABLE, "EventBridge did not take the event; try later."
            )


def which_object(source: InputObject) -> dict[str, str]:
    """Ask for the event's own version; where there is none, for what still has the event's etag."""
    which = {"VersionId": source.version_id} if source.version_id else {"IfMatch": f'"{source.etag}"'}
    return {"Bucket": source.bucket, "Key": source.key, **which}


def _metadata(answer: dict[str, Any]) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.get("Metadata", {}).items()}


def _opened(source: Path | bytes) -> io.BufferedReader | io.BytesIO:
    return io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")


def _digest(source: Path | bytes) -> str:
    with _opened(source) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def typed_faults(
    faults: Mapping[str, tuple[Outcome, str]], cut_off: Outcome = Outcome.STORAGE_UNAVAILABLE
) -> Iterator[None]:
    """Give what boto3 raises a type; S3's own words are left out, for they may hold the object's key."""
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in faults:
            raise NotScoredError(*faults[code]) from error
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        outcome = Outcome.ACCESS_DENIED if status == _DENIED else Outcome.STORAGE_UNAVAILABLE
        raise NotScoredError(outcome, f"AWS answered {code} to {error.operation_name}.") from error
    except ParamValidationError:
        raise  # A defect of ours.
    except BotoCoreError as error:
        # Cut connections, timeouts, and bodies that do not fit their checksum.
        raise NotScoredError(cut_off, f"The connection to AWS failed ({type(error).__name__}).") from error


@contextmanager
def _disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise NotScoredError(
                Outcome.NO_SPACE, "There is no space left in /tmp; allow the function more."
            ) from error
        raise


def _code(fault: NotScoredError) -> str | None:
    cause = fault.__cause__
    return cause.response["Error"]["Code"] if isinstance(cause, ClientError) else None
