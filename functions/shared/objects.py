"""Input objects, and the keys under which inputs and their scores lie."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final

INPUT_PREFIX: Final = "incoming/"


BACKFILL_PREFIX: Final = "backfill/"
"""Of inputs that no event tells of: a run over their prefix scores them."""


INPUT_PREFIXES: Final = (INPUT_PREFIX, BACKFILL_PREFIX)


INPUT_SUFFIX: Final = ".parquet"


SCORED_PREFIX: Final = "scored/"


QUARANTINE_PREFIX: Final = "quarantine/"


_UNVERSIONED: Final = ("", "null")


@dataclass(frozen=True, slots=True)
class InputObject:
    """One version of one object, as its event names it.

    Parameters
    ----------
    bucket, key : str
        Where it lies; the key as S3 has it, not URL-encoded.
    version_id : str or None
        None where the bucket keeps no versions.
    etag : str
        Without quotes.
    size : int
        In bytes, as the event says; what counts is what S3 says later.
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


PARQUET: Final = "application/vnd.apache.parquet"


COUNTS: Final = ("rows", "scored", "rejected")
"""What an output's own metadata says of its rows."""


def output_key(source: InputObject, model_digest: str) -> str:
    """Return where an input's scores by a model belong."""
    return f"{SCORED_PREFIX}model={model_digest[:12]}/{source.input_id}.parquet"


def part_of(content: Any) -> InputObject:
    """Read a part as a plan has it.

    Raises
    ------
    KeyError, TypeError, ValueError
        If it has another shape.
    """
    version = content["version_id"]
    texts = (content["bucket"], content["key"], content["etag"], version or "")
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("a part is named by texts")
    return InputObject(content["bucket"], content["key"], version or None, content["etag"], content["size"])
