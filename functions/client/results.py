"""Where the results of an input are in the output bucket."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from churn_core.errors import ChurnError
from functions.shared.objects import SCORED_PREFIX, InputObject
from functions.shared.records import REQUEUED, object_record_key

if TYPE_CHECKING:
    from collections.abc import Iterator


class LocationError(ChurnError):
    """An address that names no object, or an object that has no results."""


@dataclass(frozen=True, slots=True)
class ScoredObject:
    """Scores of an input.

    Attributes
    ----------
    bucket, key : str
    counts : dict
        ``rows``, ``scored`` and ``rejected``, where the object says them.
    """

    bucket: str
    key: str
    counts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Results:
    """What has become of an input.

    Attributes
    ----------
    scored : list of ScoredObject
        One for each model that scored it.
    record : dict or None
        Its record in quarantine.
    """

    scored: list[ScoredObject]
    record: dict[str, Any] | None

    @property
    def requeued(self) -> bool:
        """Whether the record's input was put back into the queue since."""
        return self.record is not None and REQUEUED in self.record


def parse_address(address: str) -> tuple[str, str]:
    """Return bucket and key of ``s3://bucket/key``.

    Raises
    ------
    LocationError
        If it is none.
    """
    bucket, slash, key = address.removeprefix("s3://").partition("/")
    if not address.startswith("s3://") or not (bucket and slash and key):
        raise LocationError("The address names no object; write it as s3://bucket/key.")
    return bucket, key


def output_bucket_of(input_bucket: str) -> str:
    """Return the bucket that the stack has beside an input bucket.

    Raises
    ------
    LocationError
        If the input bucket is not named as the stack names it.
    """
    if "-input-" not in input_bucket and not input_bucket.endswith("-input"):
        raise LocationError("The bucket is not named as the stack names its own; give --output-bucket.")
    before, _, after = input_bucket.rpartition("-input")
    return f"{before}-output{after}"


def versions_of(s3: Any, bucket: str, key: str, version_id: str | None) -> list[InputObject]:
    """Return an object as its event may have named it: by its version, or by its etag alone.

    Raises
    ------
    LocationError
        If it is not there (any more), and no version is given by which to find its results.
    """
    which = {"VersionId": version_id} if version_id else {}
    try:
        found = s3.head_object(Bucket=bucket, Key=key, **which)
    except s3.exceptions.ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] not in (404, 405):
            raise
        if version_id is None:
            raise LocationError("The object is not there; give --version-id if it was deleted.") from error
        return [InputObject(bucket, key, version_id, etag="", size=0)]
    etag, size = found["ETag"].strip('"'), found["ContentLength"]
    versions = [version_id or found.get("VersionId"), None]
    return [InputObject(bucket, key, version, etag, size) for version in dict.fromkeys(versions)]


def find_results(s3: Any, output_bucket: str, sources: list[InputObject]) -> Results:
    """Look for scores by any model, and for a record.

    Parameters
    ----------
    s3 : client
        boto3's.
    output_bucket : str
    sources : list of InputObject
        One object, as `versions_of` returns it.
    """
    scored = [
        found
        for folder in _model_folders(s3, output_bucket)
        for source in sources
        if (found := _scored(s3, output_bucket, f"{folder}{source.input_id}.parquet")) is not None
    ]
    records = [read_record(s3, output_bucket, object_record_key(source)) for source in sources]
    return Results(scored, next((record for record, _ in records if record is not None), None))


def read_record(s3: Any, bucket: str, key: str) -> tuple[dict[str, Any] | None, str]:
    """Return a record and its etag; None where there is none."""
    try:
        answer = s3.get_object(Bucket=bucket, Key=key)
    except s3.exceptions.NoSuchKey:
        return None, ""
    return json.loads(answer["Body"].read()), answer["ETag"]


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
    metadata = found["Metadata"]
    names = [name for name in ("rows", "scored", "rejected") if name in metadata]
    return ScoredObject(bucket, key, {name: int(metadata[name]) for name in names})
