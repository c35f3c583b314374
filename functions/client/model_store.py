"""A bucket of model bundles: where each lies, and which one is current.

A bundle's objects are create-only and named after the model's digest, so that a key never changes its
content. One small object, the pointer, names the current model; it is written last and compared before it is
replaced, so that it never names half a bundle, nor one of two that were published at the same time.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from churn_core.errors import ChurnError

if TYPE_CHECKING:
    from collections.abc import Callable

POINTER: Final = "current.json"
SHA256_METADATA: Final = "churn-sha256"

_ATTEMPTS: Final = 4
_LARGEST_OBJECT_BYTES: Final = 512 * 1024 * 1024


class ModelStoreError(ChurnError):
    """A bucket or an address that is no place for models, or a model that may not go there."""


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """Where a model's objects are.

    Attributes
    ----------
    bucket : str
    name : str
        The folder of all models of this name, with a slash at its end.
    digest12 : str
        The first 12 digits of the model digest.
    """

    bucket: str
    name: str
    digest12: str

    @property
    def prefix(self) -> str:
        """What the keys of its objects begin with."""
        return f"{self.name}{self.digest12}/"

    @property
    def pointer(self) -> str:
        """Key of the object that names the current model."""
        return f"{self.name}{POINTER}"

    @property
    def address(self) -> str:
        """The folder as people and makefiles write it."""
        return f"s3://{self.bucket}/{self.prefix}"


def folder_of(address: str, name: str, digest: str) -> ModelFolder:
    """Return where a model of this name and digest belongs below ``s3://bucket/prefix/``.

    Raises
    ------
    ModelStoreError
        If the address names no bucket.
    """
    bucket, _, prefix = address.removeprefix("s3://").partition("/")
    if not address.startswith("s3://") or not bucket:
        raise ModelStoreError("The address names no bucket; write it as s3://BUCKET/PREFIX/.")
    start = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
    return ModelFolder(bucket, f"{start}models/{name}/", digest[:12])


def parse_folder(address: str) -> ModelFolder:
    """Return the folder that ``s3://bucket/.../models/NAME/DIGEST12/`` names.

    Raises
    ------
    ModelStoreError
        If it names none.
    """
    bucket, _, key = address.removeprefix("s3://").partition("/")
    start, _, digest12 = key.rstrip("/").rpartition("/")
    hexadecimal = len(digest12) == 12 and set(digest12) <= set("0123456789abcdef")
    if not (address.startswith("s3://") and bucket and start and hexadecimal):
        raise ModelStoreError(
            "The address names no model; write it as 'churn publish' prints it, s3://BUCKET/models/NAME/DIGEST/."
        )
    return ModelFolder(bucket, f"{start}/", digest12)


class ModelStore:
    """Objects of a versioned bucket.

    Parameters
    ----------
    s3 : client
        boto3's.
    bucket : str
    wait : callable
        Waits for that many seconds.
    """

    def __init__(self, s3: Any, bucket: str, wait: Callable[[float], None] = time.sleep) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._wait = wait

    def require_versions(self) -> None:
        """Refuse a bucket that forgets what it held.

        Raises
        ------
        ModelStoreError
            If the bucket keeps no versions.
        """
        if self._s3.get_bucket_versioning(Bucket=self._bucket).get("Status") != "Enabled":
            raise ModelStoreError(f"Bucket {self._bucket} keeps no versions; turn its versioning on.")

    def create(self, key: str, content: bytes, content_type: str) -> str | None:
        """Create an object; return its version, None where another one is there."""
        answer = self._put(key, content, content_type, IfNoneMatch="*")
        return None if answer is None else str(answer["VersionId"])

    def replace(self, key: str, content: bytes, content_type: str, etag: str | None) -> bool:
        """Write an object if it is still as it was read, by its etag, or not there; tell whether it was."""
        condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        return self._put(key, content, content_type, **condition) is not None

    def read(self, key: str, version: str | None = None) -> StoredObject | None:
        """Return an object, whose checksum boto3 has verified; None where there is none."""
        which = {} if version is None else {"VersionId": version}
        try:
            answer = self._s3.get_object(Bucket=self._bucket, Key=key, ChecksumMode="ENABLED", **which)
        except self._s3.exceptions.ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404 and _code(error) in (
                "NoSuchKey",
                "NoSuchVersion",
            ):
                return None
            raise
        if answer["ContentLength"] > _LARGEST_OBJECT_BYTES:
            raise ModelStoreError(f"{key} is too large for a part of a model; look who put it there.")
        return StoredObject(answer["Body"].read(), answer["ETag"], str(answer.get("VersionId")))

    def _put(self, key: str, content: bytes, content_type: str, **condition: str) -> dict[str, Any] | None:
        for attempt in range(_ATTEMPTS):
            try:
                answer: dict[str, Any] = self._s3.put_object(
                    Bucket=self._bucket,
                    Key=key,
                    Body=content,
                    ContentType=content_type,
                    Metadata={SHA256_METADATA: hashlib.sha256(content).hexdigest()},
                    ChecksumAlgorithm="SHA256",
                    **condition,
                )
            except self._s3.exceptions.ClientError as error:
                if _code(error) == "ConditionalRequestConflict":
                    # Another upload to this key is under way: S3 says to upload again.
                    self._wait(0.1 * 2**attempt)
                    continue
                if error.response["ResponseMetadata"]["HTTPStatusCode"] == 412:
                    return None
                raise
            return answer
        return None


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What an object holds.

    Attributes
    ----------
    content : bytes
    etag, version : str
    """

    content: bytes
    etag: str
    version: str


def canonical_json(content: dict[str, Any]) -> bytes:
    """Return JSON whose bytes follow from its content alone."""
    return (json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _code(error: Any) -> str:
    return str(error.response["Error"]["Code"])
