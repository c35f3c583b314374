"""S3 objects and EventBridge events; the only module of this folder that imports boto3."""

from __future__ import annotations

import errno
import hashlib
import io
import json
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config

from functions.shared.aws_errors import (
    ABSENT,
    CONDITION_FAILED,
    CONFLICT,
    INPUT_FAULTS,
    answered_code,
    retry_conflicts,
    typed_faults,
)
from functions.shared.objects import SHA256_METADATA, Description, StoredObject
from functions.shared.outcomes import NotScoredError, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from functions.shared.objects import InputObject

EVENT_SOURCE: Final = "churn.batch"
EVENT_TYPE: Final = "ChurnScored"

_CHUNK_BYTES: Final = 1024 * 1024
_READ_SECONDS: Final = 60
"""S3 may be silent for this long within a request."""
_ARCHIVE_CLASSES: Final = ("GLACIER", "DEEP_ARCHIVE")
_FUNCTION_CLIENT: Final[dict[str, Any]] = {
    "connect_timeout": 5,
    "retries": {"mode": "standard", "total_max_attempts": 4},
}


def create_client(service: str, **settings: Any) -> Any:
    """Return boto3's client of a service.

    Parameters
    ----------
    service : str
        As boto3 names it.
    **settings
        botocore's ``Config``; ``AWS_ENDPOINT_URL`` and the other variables of boto3 count too.
    """
    return boto3.client(service, config=Config(**settings))


def s3_client(connections: int = 10) -> Any:
    """Return an S3 client for a function; it keeps as many connections open as threads need."""
    return create_client(
        "s3", max_pool_connections=connections, read_timeout=_READ_SECONDS, **_FUNCTION_CLIENT
    )


def events_client() -> Any:
    """Return an EventBridge client for a function."""
    return create_client("events", read_timeout=5, **_FUNCTION_CLIENT)


class Storage:
    """Objects of the input and output buckets, and events about them.

    Parameters
    ----------
    s3 : client
        From `s3_client`.
    events : client or None
        From `events_client`; None to send no events.
    """

    def __init__(self, s3: Any, events: Any = None) -> None:
        self._s3 = s3
        self._events = events

    def describe_input(self, source: InputObject) -> Description:
        """Return an input's size and metadata.

        Raises
        ------
        NotScoredError
            ``gone``, ``superseded``, ``access-denied`` or ``storage-unavailable``.
        """
        with typed_faults(INPUT_FAULTS):
            answer = self._s3.head_object(**version_arguments(source))
        in_archive = answer.get("StorageClass") in _ARCHIVE_CLASSES
        restored = 'ongoing-request="false"' in answer.get("Restore", "")
        return Description(answer["ContentLength"], in_archive and not restored, _metadata(answer))

    def download(
        self, source: InputObject, destination: Path, size: int, seconds_left: Callable[[], float]
    ) -> str:
        """Write an input to a file and return its sha256.

        One GET without ranges: boto3 can verify S3's checksum only for a whole object.

        Parameters
        ----------
        source : InputObject
        destination : Path
        size : int
            Bytes that the object has.
        seconds_left : callable
            Returns the seconds until the download must end.

        Raises
        ------
        NotScoredError
            As `describe_input`, or ``archived``, ``damaged-transfer``, ``deadline`` or ``no-space``.
        """
        digest = hashlib.sha256()
        with typed_faults(INPUT_FAULTS):
            answer = self._s3.get_object(**version_arguments(source), ChecksumMode="ENABLED")
        with (
            typed_faults({}, Outcome.DAMAGED_TRANSFER),
            closing(answer["Body"]) as body,
            _typed_full_disk(),
            destination.open("wb") as file,
        ):
            for chunk in body.iter_chunks(_CHUNK_BYTES):
                digest.update(chunk)
                file.write(chunk)
                if seconds_left() < 0:
                    raise NotScoredError(
                        Outcome.DEADLINE, "The download takes too long; the message is tried again."
                    )
        if destination.stat().st_size != size:
            raise NotScoredError(
                Outcome.DAMAGED_TRANSFER, "The download is incomplete; the message is tried again."
            )
        return digest.hexdigest()

    def describe_output(self, bucket: str, key: str) -> Description | None:
        """Return an output's size and metadata; None if it does not exist.

        Raises
        ------
        NotScoredError
            ``storage-unavailable``.
        """
        try:
            with typed_faults({}):
                answer = self._s3.head_object(Bucket=bucket, Key=key)
        except NotScoredError as fault:
            # S3 answers 403 for a missing object if the caller may not list the bucket. If the right to
            # the output is really missing, writing it fails later.
            if fault.outcome is Outcome.ACCESS_DENIED or answered_code(fault) in ABSENT:
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
        """Create an object, whole or not at all, unless its key exists; this commits a result.

        Returns
        -------
        bool
            Whether the object now has these bytes; False if other bytes were there first.

        Raises
        ------
        NotScoredError
            ``commit-conflict``, ``access-denied`` or ``storage-unavailable``.
        """
        digest = _digest(source)
        more = {"ContentType": content_type, "Metadata": {**(metadata or {}), SHA256_METADATA: digest}}

        def put() -> None:
            with _opened(source) as file:
                self._s3.put_object(Bucket=bucket, Key=key, Body=file, IfNoneMatch="*", **more)

        try:
            with typed_faults({}):
                retry_conflicts(put)
        except NotScoredError as fault:
            if answered_code(fault) in CONFLICT:
                raise NotScoredError(
                    Outcome.COMMIT_CONFLICT, "Another upload to the same key is in progress; try again later."
                ) from fault
            if answered_code(fault) not in CONDITION_FAILED:
                raise
            # It may be our own object: boto3 repeats a request whose answer was lost.
            found = self.describe_output(bucket, key)
            if found is None:
                raise
            return found.metadata.get(SHA256_METADATA) == digest
        return True

    def read(self, bucket: str, key: str) -> StoredObject | None:
        """Return an object of the output bucket; None if it does not exist.

        Raises
        ------
        NotScoredError
            ``access-denied`` or ``storage-unavailable``.
        """
        try:
            return self._get(Bucket=bucket, Key=key)
        except NotScoredError as fault:
            if answered_code(fault) in ABSENT:
                return None
            raise

    def _get(self, **arguments: Any) -> StoredObject:
        with typed_faults({}):
            answer = self._s3.get_object(**arguments)
            with closing(answer["Body"]) as body:
                return StoredObject(body.read(), answer["ETag"], _metadata(answer))

    def replace(self, bucket: str, key: str, content: bytes, content_type: str, etag: str) -> None:
        """Replace an object that still has this etag.

        Raises
        ------
        NotScoredError
            ``access-denied`` or ``storage-unavailable``; the latter also if the object has changed.
        """
        with typed_faults({}):
            self._s3.put_object(Bucket=bucket, Key=key, Body=content, ContentType=content_type, IfMatch=etag)

    def announce(self, detail: Mapping[str, Any], kind: str = EVENT_TYPE) -> None:
        """Send an event to EventBridge.

        Parameters
        ----------
        detail : mapping
            JSON types.
        kind : str
            The event's detail type.

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
                Outcome.STORAGE_UNAVAILABLE, "EventBridge did not accept the event; try again later."
            )


def version_arguments(source: InputObject) -> dict[str, str]:
    """Return the arguments of an S3 request for exactly this input.

    With a version id, that version is requested. Without one, the request fails if the etag has changed.
    """
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
def _typed_full_disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise NotScoredError(
            Outcome.NO_SPACE, "The function's /tmp is full; give the function more ephemeral storage."
        ) from error
