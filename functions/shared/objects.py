"""Objects in S3: inputs and their versions, what S3 says of an object, and the keys of scores."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

INPUT_PREFIX: Final = "incoming/"
BACKFILL_PREFIX: Final = "backfill/"
"""Inputs that send no event; a run over their prefix scores them."""
INPUT_PREFIXES: Final = (INPUT_PREFIX, BACKFILL_PREFIX)
INPUT_SUFFIX: Final = ".parquet"
SCORED_PREFIX: Final = "scored/"
QUARANTINE_PREFIX: Final = "quarantine/"

PARQUET: Final = "application/vnd.apache.parquet"
COUNTS: Final = ("rows", "scored", "rejected")
"""Metadata of an output object: its numbers of rows."""
SHA256_METADATA: Final = "churn-sha256"
"""Metadata of an object: hexadecimal sha256 of its content. Producers may declare it for an input."""

_UNVERSIONED: Final = ("", "null")


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

    def to_part(self) -> dict[str, Any]:
        """Return the object as an entry of a run's plan."""
        return asdict(self)

    @classmethod
    def from_part(cls, part: Any) -> Self:
        """Read an entry of a run's plan.

        Raises
        ------
        KeyError, TypeError, ValueError
            If the entry has another shape.
        """
        texts = (part["bucket"], part["key"], part["etag"], part["version_id"] or "")
        if not all(isinstance(text, str) for text in texts):
            raise TypeError("bucket, key, etag and version_id of a part must be texts")
        return cls(part["bucket"], part["key"], part["version_id"], part["etag"], part["size"])


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
