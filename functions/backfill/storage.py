"""S3 requests that only runs need: listings, and footers of Parquet objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from churn_core.scoring.parquet.footer import Footer, footer_length, read_footer
from churn_core.scoring.parquet.thrift_compact import ThriftError
from functions.shared.aws_errors import INPUT_FAULTS, answered_code, typed_faults
from functions.shared.objects import INPUT_SUFFIX, InputObject, StoredObject
from functions.shared.outcomes import NotScoredError, Outcome
from functions.shared.storage import Storage

if TYPE_CHECKING:
    from collections.abc import Iterator

TAIL_BYTES: Final = 256 * 1024
"""Bytes of the first request for a footer; most footers are shorter."""
LARGEST_FOOTER: Final = 64 * 1024 * 1024
_END_BYTES: Final = 8
"""Length of the footer's length and the magic bytes after it."""
_EMPTY: Final = ("InvalidRange", "416")
"""Codes for a range of an object without content."""


class BackfillStorage(Storage):
    """Objects of the input and output buckets, with listings and Parquet footers."""

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

    def read_footer(
        self, which: dict[str, str], largest: int = LARGEST_FOOTER
    ) -> tuple[Footer, StoredObject] | None:
        """Return an object's Parquet footer and the end in which it is; None if the object can't be read.

        Parameters
        ----------
        which : dict
            boto3's arguments that name the object or version.
        largest : int
            Bytes of the largest footer that is read.

        Raises
        ------
        ThriftError
            If the object does not end as a Parquet file, or its footer is larger.
        NotScoredError
            As `list_parts`.
        """
        end = self._read_end(TAIL_BYTES, which)
        if end is None:
            return None
        length = footer_length(end.content) + _END_BYTES
        if length > largest:
            raise ThriftError("the footer is too large")
        if length > len(end.content):
            end = self._read_end(length, which)
            if end is None:
                return None
        return read_footer(end.content[-length:-_END_BYTES]), end

    def _read_end(self, size: int, which: dict[str, str]) -> StoredObject | None:
        """Return the last `size` bytes of an object; None if it can't be read."""
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
