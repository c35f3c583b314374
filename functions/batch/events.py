"""Which object a message of the queue speaks of."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Final

INPUT_PREFIX: Final = "incoming/"

_UNVERSIONED: Final = ("", "null")


class EventError(Exception):
    """A message that names no object which this function may score; it holds no key of a customer."""


@dataclass(frozen=True, slots=True)
class InputObject:
    """One version of one object, as its event names it.

    Parameters
    ----------
    bucket, key : str
        Where it lies; the key is raw, not URL-encoded as in S3's own notifications.
    version_id : str or None
        None where the bucket keeps no versions.
    etag : str
        Without quotes.
    size : int
        In bytes.
    """

    bucket: str
    key: str
    version_id: str | None
    etag: str
    size: int

    @property
    def input_id(self) -> str:
        """Name of this input's results: the same for every delivery, another for every version.

        The event's own id would not do: a duplicate delivery may bring a new one.
        """
        identity = "\0".join((self.bucket, self.key, self.version_id or self.etag))
        return hashlib.sha256(identity.encode()).hexdigest()


def read_message(body: str, input_bucket: str) -> InputObject:
    """Read EventBridge's "Object Created" event of S3 from the body of a queue message.

    Parameters
    ----------
    body : str
        The message's body.
    input_bucket : str
        The only bucket from which objects are taken.

    Raises
    ------
    EventError
        If the body is no such event, or the object lies outside ``incoming/`` of the input bucket: a
        function that read its own output would never come to an end.
    """
    try:
        event = json.loads(body)
        if (event["source"], event["detail-type"]) != ("aws.s3", "Object Created"):
            raise EventError("The message is no 'Object Created' event of S3.")
        described = event["detail"]["object"]
        version = described.get("version-id")
        found = InputObject(
            bucket=str(event["detail"]["bucket"]["name"]),
            key=str(described["key"]),
            version_id=None if version is None or version in _UNVERSIONED else str(version),
            etag=str(described["etag"]).strip('"'),
            size=int(described["size"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EventError("The message is no event that S3 sends through EventBridge.") from error
    if found.bucket != input_bucket or not found.key.startswith(INPUT_PREFIX):
        raise EventError(f"The object lies outside {INPUT_PREFIX} of the input bucket.")
    return found
