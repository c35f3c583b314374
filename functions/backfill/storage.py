"""S3 requests that only runs need: listings, and the ends of objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from functions.shared.aws_errors import INPUT_FAULTS, answered_code, typed_faults
from functions.shared.objects import INPUT_SUFFIX, InputObject, StoredObject
from functions.shared.outcomes import NotScoredError, Outcome
from functions.shared.storage import Storage

if TYPE_CHECKING:
    from collections.abc import Iterator

_EMPTY: Final = ("InvalidRange", "416")
"""Codes for a range of an object without content."""


class BackfillStorage(Storage):
    """Objects of the input and output buckets, with listings and ends of objects."""

    def list_parts(self, bucket: str, prefix: str) -> Iterator[InputObject]:
        """Yield the newest versions of the input objects below a prefix, by key.

        Raises
        ------
        NotScoredError
            ``access-denied`` or ``storage-unavailable``.
        """
        with typed_faults({}):
            pages = self._s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
            for page in pages:
                for found in page.get("Versions", []):
                    if found["IsLatest"] and found["Key"].lower().endswith(INPUT_SUFFIX):
                        yield InputObject(
                            bucket, found["Key"], found["VersionId"], found["ETag"], found["Size"]
                        )

    def read_end(self, size: int, which: dict[str, str]) -> StoredObject | None:
        """Return the last bytes of an object; None if it can't be read; other errors as in `list_parts`.

        Parameters
        ----------
        size : int
            Bytes.
        which : dict
            boto3's arguments that name the object or version.
        """
        try:
            return self._get(**which, Range=f"bytes=-{size}")
        except NotScoredError as fault:
            code = answered_code(fault)
            if code in _EMPTY:
                return StoredObject(b"", etag="", metadata={})
            if code in INPUT_FAULTS:
                return None
            raise

    def input_state(self, source: InputObject) -> str:
        """Return ``there``, ``gone`` or ``superseded`` for an input's version; errors as in `list_parts`."""
        try:
            self.describe_input(source)
        except NotScoredError as fault:
            if fault.outcome in (Outcome.GONE, Outcome.SUPERSEDED):
                return str(fault.outcome)
            raise
        return "there"
