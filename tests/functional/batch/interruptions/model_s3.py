"""An S3 in memory with the answers of moto (see test_model_s3.py), and faults for any S3 client.

The faults: the process is killed before or after a call, an answer is lost, S3 refuses a call.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError, EndpointConnectionError

if TYPE_CHECKING:
    from collections.abc import Callable

Fault = Literal["killed-before", "killed-after", "lost-answer", "throttled", "cut-off"]


class KilledError(BaseException):
    """The process was killed; no further code runs."""


@dataclass
class Version:
    """One version of an object, or a delete marker (without a body)."""

    version_id: str
    body: bytes | None
    metadata: dict[str, str] = field(default_factory=dict)

    @property
    def etag(self) -> str:
        return f'"{hashlib.md5(self.body or b"").hexdigest()}"'


class ModelS3:
    """Versioned buckets."""

    def __init__(self) -> None:
        self._objects: dict[tuple[str, str], list[Version]] = {}
        self._made = 0

    def put_object(self, *, Bucket: str, Key: str, Body: Any, **more: Any) -> dict[str, Any]:
        current = self._current(Bucket, Key)
        if more.get("IfNoneMatch") == "*" and current is not None:
            raise client_error("PreconditionFailed", 412, "PutObject")
        if "IfMatch" in more:
            if current is None:
                raise client_error("NoSuchKey", 404, "PutObject")
            if current.etag != more["IfMatch"]:
                raise client_error("PreconditionFailed", 412, "PutObject")
        self._made += 1
        body = Body if isinstance(Body, bytes) else Body.read()
        version = Version(f"v{self._made}", body, dict(more.get("Metadata", {})))
        self._objects.setdefault((Bucket, Key), []).append(version)
        return {"ETag": version.etag, "VersionId": version.version_id}

    def head_object(self, *, Bucket: str, Key: str, **which: Any) -> dict[str, Any]:
        version = self._find(Bucket, Key, which, "HeadObject")
        assert version.body is not None
        return {"ContentLength": len(version.body), "ETag": version.etag, "Metadata": version.metadata}

    def get_object(self, *, Bucket: str, Key: str, **which: Any) -> dict[str, Any]:
        version = self._find(Bucket, Key, which, "GetObject")
        assert version.body is not None
        body = version.body
        if "Range" in which:
            body = body[-int(which["Range"].removeprefix("bytes=-")) :]
        return {"Body": _Body(body), "ETag": version.etag, "Metadata": version.metadata}

    def delete_object(self, *, Bucket: str, Key: str, VersionId: str | None = None) -> None:
        versions = self._objects.setdefault((Bucket, Key), [])
        if VersionId is None:
            self._made += 1
            versions.append(Version(f"v{self._made}", None))
        else:
            versions[:] = [version for version in versions if version.version_id != VersionId]

    def get_paginator(self, operation: str) -> Listing:
        assert operation == "list_object_versions"
        return Listing(self._objects)

    def bodies(self, bucket: str) -> dict[str, list[bytes]]:
        """Return the content of each version by its key."""
        return {
            key: [version.body for version in versions if version.body is not None]
            for (place, key), versions in self._objects.items()
            if place == bucket
        }

    def _current(self, bucket: str, key: str) -> Version | None:
        versions = self._objects.get((bucket, key), [])
        return versions[-1] if versions and versions[-1].body is not None else None

    def _find(self, bucket: str, key: str, which: dict[str, Any], operation: str) -> Version:
        heads = operation == "HeadObject"
        if "VersionId" in which:
            for version in self._objects.get((bucket, key), []):
                if version.version_id == which["VersionId"]:
                    return version
            raise client_error("404" if heads else "NoSuchVersion", 404, operation)
        current = self._current(bucket, key)
        if current is None:
            raise client_error("404" if heads else "NoSuchKey", 404, operation)
        if "IfMatch" in which and which["IfMatch"] != current.etag:
            raise client_error("412" if heads else "PreconditionFailed", 412, operation)
        return current


@dataclass
class Listing:
    """Lists the versions below a prefix: by key, the newest first; delete markers are not among them."""

    objects: dict[tuple[str, str], list[Version]]

    def paginate(self, *, Bucket: str, Prefix: str) -> Any:
        yield {
            "Versions": [
                {
                    "Key": key,
                    "VersionId": version.version_id,
                    "ETag": version.etag,
                    "Size": len(version.body),
                    "IsLatest": version is versions[-1],
                }
                for (bucket, key), versions in sorted(self.objects.items())
                if bucket == Bucket and key.startswith(Prefix)
                for version in reversed(versions)
                if version.body is not None
            ]
        }


class _Body(io.BytesIO):
    def iter_chunks(self, size: int) -> Any:
        while chunk := self.read(size):
            yield chunk


def client_error(code: str, status: int, operation: str) -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": "planned fault"}, "ResponseMetadata": {"HTTPStatusCode": status}},
        operation,
    )


@dataclass
class FaultyS3:
    """Any S3 client, with one fault at a later call.

    Attributes
    ----------
    at : int
        Calls until the fault; 0 for none.
    calls : int
        Calls so far.
    """

    client: Any
    fault: Fault | None = None
    at: int = 0
    calls: int = 0

    def plan(self, fault: Fault, at: int) -> None:
        self.fault, self.at = fault, at

    def head_object(self, **arguments: Any) -> Any:
        return self._call(self.client.head_object, arguments)

    def get_object(self, **arguments: Any) -> Any:
        return self._call(self.client.get_object, arguments)

    def put_object(self, **arguments: Any) -> Any:
        return self._call(self.client.put_object, arguments)

    def get_paginator(self, operation: str) -> Any:
        return self._call(self.client.get_paginator, {"operation": operation})

    def _call(self, call: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        self.calls += 1
        self.at -= 1
        if self.at != 0 or self.fault is None:
            return call(**arguments)
        fault, self.fault = self.fault, None
        if fault == "killed-before":
            raise KilledError
        if fault == "throttled":
            raise client_error("SlowDown", 503, "AnyOperation")
        if fault == "cut-off":
            raise EndpointConnectionError(endpoint_url="https://s3")
        answer = call(**arguments)
        if fault == "killed-after":
            raise KilledError
        # The answer was lost, and the SDK asks again.
        if hasattr(arguments.get("Body"), "seek"):
            arguments["Body"].seek(0)
        return call(**arguments) if "Body" in arguments else answer
