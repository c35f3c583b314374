"""Objects in S3: the one place of the batch function that knows boto3."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any, Final, Protocol

import boto3  # type: ignore[import-untyped]
from botocore.config import Config  # type: ignore[import-untyped]
from botocore.exceptions import ClientError  # type: ignore[import-untyped]

from churn_core.errors import InputFileError

if TYPE_CHECKING:
    from pathlib import Path

    from functions.batch.events import InputObject

_CHUNK_BYTES: Final = 1024 * 1024

_INPUT_FAULTS: Final = {
    "NoSuchKey": ("gone", "The object is gone; put it again to have it scored."),
    "NoSuchVersion": ("gone", "The object's version is gone; put it again to have it scored."),
    # A GET by version answers 405 where a delete marker is all that is left.
    "MethodNotAllowed": ("gone", "The object was deleted; put it again to have it scored."),
    "PreconditionFailed": ("gone", "The object was overwritten; its successor has an event of its own."),
    "InvalidObjectState": ("archived", "The object is archived; restore it and put it again."),
}


class StorageError(Exception):
    """S3 refused a request for a reason that is not the input's; a later attempt may succeed."""

    def __init__(self, error: ClientError) -> None:
        # S3's own message is left out: it may name the object's key.
        super().__init__(f"S3 answered {error.response['Error']['Code']} to {error.operation_name}.")


class S3Client(Protocol):
    """What is used of boto3's client."""

    def get_object(self, **arguments: Any) -> dict[str, Any]:
        """Open an object."""

    def put_object(self, **arguments: Any) -> dict[str, Any]:
        """Write an object."""


def s3_client() -> S3Client:
    """Return a client for the function's region, or the endpoint that ``AWS_ENDPOINT_URL`` names."""
    client: S3Client = boto3.client(
        "s3",
        config=Config(
            connect_timeout=5, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 4}
        ),
    )
    return client


def download(client: S3Client, wanted: InputObject, destination: Path) -> None:
    """Write one version of an object to a file, in one GET whose checksum boto3 verifies.

    Parameters
    ----------
    client : S3Client
        From `s3_client`.
    wanted : InputObject
        The object; where it has no version its etag must still be the one of the event.
    destination : Path
        The file.

    Raises
    ------
    InputFileError
        ``gone`` or ``archived``.
    StorageError
        If S3 refuses for another reason.
    """
    which = {"VersionId": wanted.version_id} if wanted.version_id else {"IfMatch": wanted.etag}
    try:
        answer = client.get_object(Bucket=wanted.bucket, Key=wanted.key, **which)
    except ClientError as error:
        fault = _INPUT_FAULTS.get(error.response["Error"]["Code"])
        if fault is None:
            raise StorageError(error) from error
        raise InputFileError(*fault) from error
    with closing(answer["Body"]) as body, destination.open("wb") as file:
        for chunk in body.iter_chunks(_CHUNK_BYTES):
            file.write(chunk)


def create_object(client: S3Client, bucket: str, key: str, source: Path, content_type: str) -> bool:
    """Create an object from a file unless it exists; the PUT is the commit, whole or not at all.

    Parameters
    ----------
    client : S3Client
        From `s3_client`.
    bucket, key : str
        Where to.
    source : Path
        What.
    content_type : str
        Media type of the object.

    Returns
    -------
    bool
        False where the object was there already; it is left as it is.

    Raises
    ------
    StorageError
        If S3 refuses for another reason.
    """
    try:
        with source.open("rb") as file:
            client.put_object(Bucket=bucket, Key=key, Body=file, ContentType=content_type, IfNoneMatch="*")
    except ClientError as error:
        if error.response["Error"]["Code"] == "PreconditionFailed":
            return False
        raise StorageError(error) from error
    return True
