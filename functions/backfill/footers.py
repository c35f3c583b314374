"""Read the Parquet footer of an object in S3 from the object's end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from churn_core.scoring.parquet.footer import Footer, footer_length, read_footer
from churn_core.scoring.parquet.thrift_compact import ThriftError

if TYPE_CHECKING:
    from collections.abc import Callable

    from functions.shared.objects import StoredObject

TAIL_BYTES: Final = 256 * 1024
"""Bytes of the first request; most footers are shorter."""
LARGEST_FOOTER: Final = 64 * 1024 * 1024
_END_BYTES: Final = 8
"""Length of the footer's length and the magic bytes after it."""


def read_object_footer(
    read_end: Callable[[int], StoredObject | None], largest: int = LARGEST_FOOTER
) -> tuple[Footer, StoredObject] | None:
    """Return an object's footer and the end in which it is; None if the object does not exist.

    Parameters
    ----------
    read_end : callable
        Takes a number of bytes, and returns that many from the object's end, or None.
    largest : int
        Bytes of the largest footer that is read.

    Raises
    ------
    ThriftError
        If the object does not end as a Parquet file, or its footer is larger.
    """
    end = read_end(TAIL_BYTES)
    if end is None:
        return None
    length = footer_length(end.content) + _END_BYTES
    if length > largest:
        raise ThriftError("the footer is too large")
    if length > len(end.content):
        end = read_end(length)
        if end is None:
            return None
    return read_footer(end.content[-length:-_END_BYTES]), end
