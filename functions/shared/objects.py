"""Objects in S3: inputs and their versions, what S3 says of an object, and the keys of scores and records."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self, TypeGuard

if TYPE_CHECKING:
    from collections.abc import Mapping

INPUT_PREFIX: Final = "incoming/"
BACKFILL_PREFIX: Final = "backfill/"
"""Inputs that send no event; a run over their prefix scores them."""
INPUT_PREFIXES: Final = (INPUT_PREFIX, BACKFILL_PREFIX)
INPUT_SUFFIXES: Final = (".parquet", ".csv", ".csv.gz", ".jsonl", ".jsonl.gz")
"""Endings of inputs, in capitals or not; the ending says how the object is read."""
SCORED_PREFIX: Final = "scored/"
QUARANTINE_PREFIX: Final = "quarantine/"

PARQUET: Final = "application/vnd.apache.parquet"
JSON: Final = "application/json"
COUNTS: Final = ("rows", "scored", "rejected")
"""Metadata of an output object: its numbers of rows."""
SHA256_METADATA: Final = "churn-sha256"
"""Metadata of an object: hexadecimal sha256 of its content. Producers may declare it for an input."""
REQUEUED: Final = "requeued"
"""Field of a quarantine record whose input was queued again: how many times."""

_UNVERSIONED: Final = ("", "null")
_LONGEST_KEY: Final = 1024
"""Bytes of UTF-8; S3's limit for keys and for version ids."""
_LARGEST_SIZE: Final = 2**63 - 1


def is_whole(value: object) -> TypeGuard[int]:
    """Return whether a value from JSON is a whole number; Python counts true and false as such too."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_key(value: object) -> TypeGuard[str]:
    """Return whether a value can be a key in S3, or a version id, which has the same limits."""
    if not isinstance(value, str):
        return False
    try:
        return 0 < len(value.encode()) <= _LONGEST_KEY
    except UnicodeEncodeError:  # a lone surrogate
        return False


def is_input_name(key: str) -> bool:
    """Return whether a key ends as an input's does."""
    return key.lower().endswith(INPUT_SUFFIXES)


@dataclass(frozen=True, slots=True)
class InputObject:
    """One version of one input object.

    Parameters
    ----------
    bucket, key : str
        The key as S3 stores it, not URL-encoded.
    version_id : str or None
        None in a bucket without versions; S3's ``"null"`` and an empty text become None.
    etag : str
        S3's quotes are removed.
    size : int
        Bytes, as the event or listing says.
    """

    bucket: str
    key: str
    version_id: str | None
    etag: str
    size: int

    def __post_init__(self) -> None:
        if self.version_id in _UNVERSIONED:
            object.__setattr__(self, "version_id", None)
        object.__setattr__(self, "etag", self.etag.strip('"'))

    @property
    def is_input(self) -> bool:
        """Whether the key is one of an input."""
        return self.key.startswith(INPUT_PREFIXES) and is_input_name(self.key)

    @property
    def input_id(self) -> str:
        """Identifier of this version: the same for every delivery of an event about it.

        The event's own id differs between deliveries, so it can't be used.
        """
        identity = "\0".join((self.bucket, self.key, self.version_id or self.etag))
        return hashlib.sha256(identity.encode()).hexdigest()

    @property
    def output_name(self) -> str:
        """Last part of the output's key, the same for every model."""
        return f"{self.input_id}.parquet"

    @classmethod
    def from_part(cls, part: Any) -> Self:
        """Read an entry of a run's plan.

        Raises
        ------
        KeyError, TypeError, ValueError
            If the entry has another shape.
        """
        return cls.checked(part["bucket"], part["key"], part["version_id"], part["etag"], part["size"])

    @classmethod
    def checked(cls, bucket: object, key: object, version_id: object, etag: object, size: object) -> Self:
        """Create an object from members that may have any type and value.

        Raises
        ------
        ValueError
            If no object of S3 has these members.
        """
        if not (is_key(bucket) and is_key(key) and is_key(etag)):
            raise ValueError("bucket, key and etag must be texts that S3 may have")
        if not (version_id is None or version_id == "" or is_key(version_id)):
            raise ValueError("the version must be a text that S3 may have")
        # The etag is sent as an HTTP header.
        if not (etag.strip('"') and etag.isascii() and etag.isprintable()):
            raise ValueError("the etag must be printable ASCII")
        if not (is_whole(size) and 0 <= size <= _LARGEST_SIZE):
            raise ValueError("the size must be a whole number of bytes")
        return cls(bucket, key, version_id, etag, size)


@dataclass(frozen=True, slots=True)
class Description:
    """An object as S3 describes it.

    Attributes
    ----------
    size : int
        Bytes.
    archived : bool
        Whether it must be restored before it can be read.
    metadata : mapping
        The object's own metadata; names in lower case.
    """

    size: int
    archived: bool
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object's content, or a part of it.

    Attributes
    ----------
    content : bytes
    etag : str
    metadata : mapping
        The object's own metadata; names in lower case.
    """

    content: bytes
    etag: str
    metadata: Mapping[str, str]


def output_key(source: InputObject, model_digest: str) -> str:
    """Return the key of an input's scores by a model."""
    return f"{SCORED_PREFIX}model={model_digest[:12]}/{source.output_name}"


def parse_record(content: bytes) -> dict[str, Any]:
    """Parse a quarantine record; an empty one stands for other content, and so counts for nothing."""
    try:
        record = json.loads(content)
        if record["key"] is not None:
            record_source(record)
        again = record.get(REQUEUED, 0)
        whole = all(isinstance(record[name], str) for name in ("code", "detail")) and is_whole(again)
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        return {}
    return record if whole else {}


def record_source(record: Mapping[str, Any]) -> InputObject:
    """Return the input that a quarantine record names.

    Raises
    ------
    KeyError, TypeError, ValueError
        If the record names none.
    """
    members = (record[name] for name in ("bucket", "key", "versionId", "etag", "size"))
    return InputObject.checked(*members)


def object_record_key(source: InputObject) -> str:
    """Return the key of an object's quarantine record."""
    return f"{QUARANTINE_PREFIX}{source.input_id}.json"


def message_record_key(message_id: str) -> str:
    """Return the key of the quarantine record of a message that names no valid object."""
    return f"{QUARANTINE_PREFIX}{hashlib.sha256(message_id.encode()).hexdigest()}.json"
