"""Tables in S3 for the local commands: the entry point ``s3`` of the group ``churn.sources``."""

from __future__ import annotations

import errno
import hashlib
import os
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

from churn_core.errors import DataError, OutputError
from functions.client.storage import AwsError, aws_client, split_address, typed_aws_errors
from functions.shared.aws_errors import ABSENT, CONDITION_FAILED, CONFLICT, error_code, retry_conflicts
from functions.shared.objects import SHA256_METADATA

if TYPE_CHECKING:
    from pathlib import Path

_CHUNK_BYTES: Final = 1024 * 1024
_LARGEST_PUT: Final = 5 * 1024**3
"""S3 takes no more in one request, and only a single request is conditional as a whole."""


class S3Store:
    """Objects of S3, read and written by one request each.

    Parameters
    ----------
    s3 : client
        boto3's.
    """

    def __init__(self, s3: Any) -> None:
        self._s3 = s3

    def list(self, address: str) -> list[str]:
        """Return the names of the objects below a prefix; see `churn_core.sources.addresses.ObjectStore`."""
        bucket, prefix = _split(address, prefix=True)
        with typed_aws_errors():
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            return [
                found["Key"].removeprefix(prefix)
                for page in pages
                for found in page.get("Contents", [])
                if found["Key"] != prefix
            ]

    def exists(self, address: str) -> bool:
        """Return whether there is an object of this address."""
        bucket, key = _split(address)
        with typed_aws_errors():
            try:
                self._s3.head_object(Bucket=bucket, Key=key)
            except Exception as error:
                if error_code(error) in ABSENT:
                    return False
                raise
        return True

    def download(self, address: str, path: Path) -> None:
        """Write an object to a file, and verify the checksum that S3 has."""
        bucket, key = _split(address)
        with typed_aws_errors():
            try:
                answer = self._s3.get_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
            except Exception as error:
                if error_code(error) in ABSENT:
                    raise DataError(f"{address} does not exist; {_advice(address)}.") from None
                raise
            try:
                with closing(answer["Body"]) as body, path.open("wb") as file:
                    for chunk in body.iter_chunks(_CHUNK_BYTES):
                        file.write(chunk)
            except OSError as error:
                reason = os.strerror(error.errno or errno.EIO)
                raise OutputError(
                    f"{path.parent} can't hold the copy of {address} ({reason}); set TMPDIR to a folder with"
                    " more space."
                ) from error
        if path.stat().st_size != answer["ContentLength"]:
            raise AwsError(f"The download of {address} is incomplete; run the command again.")

    def upload(self, path: Path, address: str, *, replace: bool) -> bool:
        """Create an object in one request; return False if there is one and `replace` is false."""
        bucket, key = _split(address)
        if path.stat().st_size > _LARGEST_PUT:
            raise OutputError(
                f"{address} would be larger than the 5 GiB that S3 takes at once; score the table in parts."
            )
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        condition = {} if replace else {"IfNoneMatch": "*"}

        def put() -> None:
            with path.open("rb") as file:
                self._s3.put_object(
                    Bucket=bucket, Key=key, Body=file, Metadata={SHA256_METADATA: digest}, **condition
                )

        with typed_aws_errors():
            try:
                retry_conflicts(put)
            except Exception as error:
                if error_code(error) in CONDITION_FAILED:
                    # It may be our own object: boto3 repeats a request whose answer was lost.
                    found = self._s3.head_object(Bucket=bucket, Key=key)
                    return bool(found["Metadata"].get(SHA256_METADATA) == digest)
                if error_code(error) in CONFLICT:
                    return False
                raise
        return True


def open_store() -> S3Store:
    """Return S3 with the credentials and the region of boto3's usual places.

    Raises
    ------
    AwsError
        If boto3 is not installed.
    """
    return S3Store(aws_client("s3"))


def _split(address: str, *, prefix: bool = False) -> tuple[str, str]:
    bucket, key = split_address(address)
    if not bucket or (not key and not prefix):
        raise AwsError(f"{address} is no address in S3; write s3://BUCKET/KEY, or s3://BUCKET/PREFIX/.")
    return bucket, key


def _advice(address: str) -> str:
    if "." in address.rpartition("/")[2]:
        return "name an existing object"
    return f"name an existing object, or all objects below it as {address}/"
