"""A bucket of model bundles: the keys of each bundle, and the pointer to the current one.

The keys of a bundle contain the model's digest and are never overwritten, so a key's content never changes.
One small object, the pointer, names the current model. It is written last, and only if it has not changed
meanwhile. So it always names a complete bundle, and two publishers can't overwrite each other unnoticed.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from churn_core.errors import ChurnError
from functions.client.storage import split_address
from functions.shared.aws_errors import ABSENT, CONDITION_FAILED, CONFLICT, error_code, retry_conflicts
from functions.shared.objects import SHA256_METADATA

if TYPE_CHECKING:
    from collections.abc import Callable

POINTER: Final = "current.json"

_LARGEST_OBJECT_BYTES: Final = 512 * 1024 * 1024


class ModelStoreError(ChurnError):
    """The bucket, the address or the model can't be used for publishing or fetching."""


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """The place of a model's objects.

    Attributes
    ----------
    bucket : str
    name : str
        Prefix of all models of this name; ends with a slash.
    digest12 : str
        The first 12 digits of the model digest.
    """

    bucket: str
    name: str
    digest12: str

    @property
    def prefix(self) -> str:
        """Prefix of the keys of the model's objects."""
        return f"{self.name}{self.digest12}/"

    @property
    def pointer(self) -> str:
        """Key of the object that names the current model."""
        return f"{self.name}{POINTER}"

    @property
    def address(self) -> str:
        """S3 address of the folder: what `churn publish` prints, and ``MODEL=`` of ``make package``."""
        return f"s3://{self.bucket}/{self.prefix}"


def model_folder(address: str, name: str, digest: str) -> ModelFolder:
    """Return the folder of a model below ``s3://bucket/prefix/``.

    Raises
    ------
    ModelStoreError
        If the address has another format.
    """
    bucket, prefix = split_address(address)
    if not bucket or not _is_plain(prefix):
        raise ModelStoreError(
            "The address is malformed; write it as s3://BUCKET/PREFIX/, without '..' and control characters."
        )
    start = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
    return ModelFolder(bucket, f"{start}models/{name}/", digest[:12])


def parse_folder(address: str) -> ModelFolder:
    """Parse the address of a model's folder, ``s3://bucket/.../models/NAME/DIGEST12/``.

    Raises
    ------
    ModelStoreError
        If the address has another format.
    """
    bucket, key = split_address(address)
    start, _, digest12 = key.rstrip("/").rpartition("/")
    hexadecimal = len(digest12) == 12 and set(digest12) <= set("0123456789abcdef")
    if not (bucket and start and hexadecimal and _is_plain(start)):
        raise ModelStoreError(
            "The address is not that of a model; copy it from the output of 'churn publish':"
            " s3://BUCKET/models/NAME/DIGEST12/."
        )
    return ModelFolder(bucket, f"{start}/", digest12)


def _is_plain(key: str) -> bool:
    """Return whether every tool reads a key alike: no control characters, no ``.`` or ``..`` as a segment."""
    return key.isprintable() and {".", ".."}.isdisjoint(key.split("/"))


class ModelStore:
    """Objects of a versioned bucket.

    Parameters
    ----------
    s3 : client
        boto3's.
    bucket : str
    wait : callable
        Waits for a number of seconds.
    """

    def __init__(self, s3: Any, bucket: str, wait: Callable[[float], None] = time.sleep) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._wait = wait

    def require_versions(self) -> None:
        """Refuse a bucket without versions.

        Raises
        ------
        ModelStoreError
            If the bucket keeps no versions.
        """
        if self._s3.get_bucket_versioning(Bucket=self._bucket).get("Status") != "Enabled":
            raise ModelStoreError(f"Bucket {self._bucket} keeps no versions; enable its versioning.")

    def create(self, key: str, content: bytes, content_type: str) -> str | None:
        """Create an object and return its version; None if the key exists."""
        answer = self._put(key, content, content_type, IfNoneMatch="*")
        return None if answer is None else str(answer["VersionId"])

    def replace(self, key: str, content: bytes, content_type: str, etag: str | None) -> bool:
        """Write an object unless its etag changed (None: unless it exists); return whether it was written."""
        condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        return self._put(key, content, content_type, **condition) is not None

    def read(self, key: str, version: str | None = None) -> StoredVersion | None:
        """Return an object, whose checksum boto3 verifies; None if it does not exist."""
        which = {} if version is None else {"VersionId": version}
        try:
            answer = self._s3.get_object(Bucket=self._bucket, Key=key, ChecksumMode="ENABLED", **which)
        except self._s3.exceptions.ClientError as error:
            if error_code(error) in ABSENT:
                return None
            raise
        if answer["ContentLength"] > _LARGEST_OBJECT_BYTES:
            raise ModelStoreError(
                f"{key} is larger than any file of a model, so 'churn publish' did not write it; delete the"
                " object, then publish the model again."
            )
        return StoredVersion(answer["Body"].read(), answer["ETag"], str(answer.get("VersionId")))

    def _put(self, key: str, content: bytes, content_type: str, **condition: str) -> dict[str, Any] | None:
        arguments = {
            "Bucket": self._bucket,
            "Key": key,
            "Body": content,
            "ContentType": content_type,
            "Metadata": {SHA256_METADATA: hashlib.sha256(content).hexdigest()},
            "ChecksumAlgorithm": "SHA256",
            **condition,
        }
        try:
            answer: dict[str, Any] = retry_conflicts(lambda: self._s3.put_object(**arguments), self._wait)
        except self._s3.exceptions.ClientError as error:
            if error_code(error) in (*CONDITION_FAILED, *CONFLICT):
                return None
            raise
        return answer


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """One version of an object.

    Attributes
    ----------
    content : bytes
    etag, version : str
    """

    content: bytes
    etag: str
    version: str
