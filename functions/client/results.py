"""Find the results of an input in the output bucket."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from churn_core.errors import ChurnError
from functions.client.storage import split_address
from functions.shared.objects import (
    COUNTS,
    INPUT_PREFIXES,
    INPUT_SUFFIXES,
    REQUEUED,
    SCORED_PREFIX,
    InputObject,
    is_input_name,
    object_record_key,
    parse_record,
    record_source,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_LARGEST_RECORD: Final = 1_000_000
"""Bytes; a record holds at most a key, a version id and a few sentences."""


class LocationError(ChurnError):
    """The address is malformed, or the object or its results do not exist."""


@dataclass(frozen=True, slots=True)
class ScoredObject:
    """Scores of an input.

    Attributes
    ----------
    bucket, key : str
    counts : dict
        ``rows``, ``scored`` and ``rejected``, if the object's metadata has them.
    """

    bucket: str
    key: str
    counts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Results:
    """Results of an input.

    Attributes
    ----------
    scored : list of ScoredObject
        One for each model that scored it.
    record : dict or None
        Its quarantine record.
    """

    scored: list[ScoredObject]
    record: dict[str, Any] | None

    @property
    def requeued(self) -> bool:
        """Whether the record's input was queued again."""
        return self.record is not None and REQUEUED in self.record


def parse_address(address: str) -> tuple[str, str]:
    """Return bucket and key of ``s3://bucket/key``.

    Raises
    ------
    LocationError
        If the address has another format.
    """
    bucket, key = split_address(address)
    if not key:
        raise LocationError("The address is malformed; write it as s3://bucket/key.")
    return bucket, key


def stack_output_bucket(input_bucket: str) -> str:
    """Return the name of the output bucket in an input bucket's stack.

    Raises
    ------
    LocationError
        If the input bucket's name does not follow the template.
    """
    if "-input-" not in input_bucket and not input_bucket.endswith("-input"):
        raise LocationError(
            "The bucket is not named as a stack's input bucket; name the output bucket with --output-bucket."
        )
    before, _, after = input_bucket.rpartition("-input")
    return f"{before}-output{after}"


def find_versions(s3: Any, bucket: str, key: str, version_id: str | None) -> list[InputObject]:
    """Return an object under each identity that its event may have had: with its version, and without.

    Raises
    ------
    LocationError
        If the object does not exist, and no version is given.
    """
    which = {"VersionId": version_id} if version_id else {}
    try:
        found = s3.head_object(Bucket=bucket, Key=key, **which)
    except s3.exceptions.ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] not in (404, 405):
            raise
        if version_id is None:
            raise LocationError(
                "The object does not exist; if it was deleted, name its version with --version-id."
            ) from error
        return [InputObject(bucket, key, version_id, etag="", size=0)]
    etag, size = found["ETag"], found["ContentLength"]
    versions = [version_id or found.get("VersionId"), None]
    return [InputObject(bucket, key, version, etag, size) for version in dict.fromkeys(versions)]


def find_results(s3: Any, output_bucket: str, sources: list[InputObject]) -> Results:
    """Find the scores by all models, and the record.

    Parameters
    ----------
    s3 : client
        boto3's.
    output_bucket : str
    sources : list of InputObject
        One object, from `find_versions`.
    """
    scored = [
        found
        for folder in _model_folders(s3, output_bucket)
        for source in sources
        if (found := _scored(s3, output_bucket, folder + source.output_name)) is not None
    ]
    records = [read_record(s3, output_bucket, object_record_key(source)) for source in sources]
    return Results(scored, next((record for record, _ in records if record), None))


def read_record(s3: Any, bucket: str, key: str) -> tuple[dict[str, Any] | None, str]:
    """Return a record and its etag.

    The record is None, with an empty etag, if there is no object. It is empty if the object is no record:
    other content, a copy of a record, or archived.
    """
    try:
        answer = s3.get_object(Bucket=bucket, Key=key)
    except s3.exceptions.NoSuchKey:
        return None, ""
    except s3.exceptions.InvalidObjectState:
        return {}, ""
    if answer["ContentLength"] > _LARGEST_RECORD:
        return {}, answer["ETag"]
    record = parse_record(answer["Body"].read())
    is_copy = bool(record) and record["key"] is not None and object_record_key(record_source(record)) != key
    return ({} if is_copy else record), answer["ETag"]


def _model_folders(s3: Any, bucket: str) -> Iterator[str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=SCORED_PREFIX, Delimiter="/")
    for page in pages:
        for folder in page.get("CommonPrefixes", []):
            yield folder["Prefix"]


def _scored(s3: Any, bucket: str, key: str) -> ScoredObject | None:
    try:
        found = s3.head_object(Bucket=bucket, Key=key)
    except s3.exceptions.ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return None
        raise
    counts = {}
    for name in COUNTS:
        # Another program may have written the object.
        with suppress(KeyError, ValueError):
            counts[name] = int(found["Metadata"][name])
    return ScoredObject(bucket, key, counts)


def require_input_key(key: str) -> None:
    """Check that the stack scores objects of a key at all.

    Raises
    ------
    LocationError
        Says why an object of this key will never be scored.
    """
    if not key.startswith(INPUT_PREFIXES):
        raise LocationError(
            f"An object outside {' and '.join(INPUT_PREFIXES)} will never be scored; upload it below"
            f" {INPUT_PREFIXES[0]}."
        )
    if not is_input_name(key):
        raise LocationError(
            f"An object whose key ends in none of {', '.join(INPUT_SUFFIXES)} will never be scored; convert"
            " or rename it."
        )
