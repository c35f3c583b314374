"""S3 as runs need it beside what the batch function needs: listings, and the ends of objects."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from functions.shared.objects import INPUT_SUFFIX, InputObject
from functions.shared.outcomes import NotScoredError
from functions.shared.storage import (
    EventsClient,
    Storage,
    events_client,
    s3_client,
    typed_faults,
    which_object,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["BackfillStorage", "Tail", "events_client", "s3_client"]

TAIL_BYTES: Final = 256 * 1024
"""What is read of an object's end at first; most footers are in it."""
_LARGEST_FOOTER: Final = 64 * 1024 * 1024
_NOT_THERE: Final = ("NoSuchKey", "NoSuchVersion", "404", "MethodNotAllowed", "405")
_CHANGED: Final = ("PreconditionFailed", "412")


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of an object.

    Attributes
    ----------
    content : bytes
    metadata : mapping
        What was put with the object, by name in small letters.
    """

    content: bytes
    metadata: Mapping[str, str]


class BackfillStorage(Storage):
    """Objects of both buckets.

    Parameters
    ----------
    s3 : client
        boto3's, from `s3_client`.
    events : EventsClient or None
        From `events_client`; None where nobody is to be told.
    """

    def __init__(self, s3: Any, events: EventsClient | None = None) -> None:
        super().__init__(s3, events)
        self._client = s3

    def parts(self, bucket: str, prefix: str) -> Iterator[InputObject]:
        """List the newest versions of the Parquet objects below a prefix, by key.

        Raises
        ------
        NotScoredError
            ``access-denied`` or ``storage-unavailable``.
        """
        with typed_faults({}):
            pages = self._client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
            for page in pages:
                for found in page.get("Versions", []):
                    if found["IsLatest"] and found["Key"].lower().endswith(INPUT_SUFFIX):
                        # A bucket that never kept versions says "null".
                        version = found["VersionId"]
                        yield InputObject(
                            bucket,
                            found["Key"],
                            None if version == "null" else version,
                            found["ETag"].strip('"'),
                            found["Size"],
                        )

    def read(self, bucket: str, key: str) -> bytes | None:
        """Return an object of our own, None where it is not there.

        Raises
        ------
        NotScoredError
            ``access-denied`` or ``storage-unavailable``.
        """
        try:
            with typed_faults({}):
                answer = self._client.get_object(Bucket=bucket, Key=key)
                with closing(answer["Body"]) as body:
                    content: bytes = body.read()
        except NotScoredError as fault:
            if _code(fault) in _NOT_THERE:
                return None
            raise
        return content

    def metadata_of(self, bucket: str, key: str) -> Mapping[str, str] | None:
        """Return what was put with an object of our own, None where it is not there; errors as in `read`."""
        try:
            with typed_faults({}):
                answer = self._client.head_object(Bucket=bucket, Key=key)
        except NotScoredError as fault:
            if _code(fault) in _NOT_THERE:
                return None
            raise
        return {name.lower(): value for name, value in answer.get("Metadata", {}).items()}

    def tail(self, bucket: str, key: str, size: int = TAIL_BYTES) -> Tail | None:
        """Return the end of an object of our own, None where it is not there; errors as in `read`."""
        return self._tail({"Bucket": bucket, "Key": key}, size)

    def input_tail(self, source: InputObject, size: int = TAIL_BYTES) -> Tail | None:
        """Return the end of an input, None where that version is not there any more; errors as in `read`."""
        try:
            return self._tail(which_object(source), size)
        except NotScoredError as fault:
            if _code(fault) == "InvalidObjectState":  # Archived.
                return None
            raise

    def state_of(self, source: InputObject) -> str:
        """Return ``there``, ``gone`` or ``superseded``, as an input's version is; errors as in `read`."""
        try:
            with typed_faults({}):
                self._client.head_object(**which_object(source))
        except NotScoredError as fault:
            if _code(fault) in _NOT_THERE:
                return "gone"
            if _code(fault) in _CHANGED:
                return "superseded"
            raise
        return "there"

    def _tail(self, which: Mapping[str, str], size: int) -> Tail | None:
        try:
            with typed_faults({}):
                answer = self._client.get_object(**which, Range=f"bytes=-{min(size, _LARGEST_FOOTER)}")
                with closing(answer["Body"]) as body:
                    content = body.read()
        except NotScoredError as fault:
            if _code(fault) in (*_NOT_THERE, *_CHANGED, "InvalidRange", "416"):
                return None
            raise
        return Tail(content, {name.lower(): value for name, value in answer.get("Metadata", {}).items()})


def _code(fault: NotScoredError) -> str | None:
    cause = fault.__cause__
    return cause.response["Error"]["Code"] if isinstance(cause, ClientError) else None
