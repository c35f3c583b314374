"""Plans of parts that do not exist, and a storage that returns the same end for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from functions.backfill.plan import Plan
from functions.backfill.storage import BackfillStorage
from functions.shared.objects import InputObject, StoredObject

if TYPE_CHECKING:
    from collections.abc import Callable


class Inputs(BackfillStorage):
    """A storage in which every object has the same end."""

    def __init__(self, end: bytes) -> None:
        super().__init__(s3=None)
        self.end = end

    def _read_end(self, size: int, which: dict[str, str]) -> StoredObject:
        return StoredObject(self.end[-size:], "etag", {})


def plan_of(number: int, size: int = 100, change: Callable[[int], str] = "v{}".format) -> Plan:
    parts = tuple(
        InputObject("bucket", f"backfill/part-{part:04d}.parquet", change(part), "e", size)
        for part in range(number)
    )
    return Plan("bucket", "backfill/", "d" * 64, parts)


def tail_of(rows: int) -> bytes:
    """Return the end of a Parquet file with a number of rows."""
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"x": pa.array([0]).take(pa.array([0] * rows))}), sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content[-200_000:]


def tail_of_length(length: int) -> bytes:
    """Return the end of a Parquet file with three rows: a footer that ends after `length` bytes."""

    def write(entry: int) -> bytes:
        sink = pa.BufferOutputStream()
        table = pa.table({"x": range(3)})
        with pq.ParquetWriter(sink, table.schema, store_schema=False) as writer:
            writer.write_table(table)
            writer.add_key_value_metadata({"k": "v" * entry})
        content: bytes = sink.getvalue().to_pybytes()
        return content[-int.from_bytes(content[-8:-4], "little") - 8 :]

    # An entry of about the same length has a footer that is longer by the same number of bytes.
    end = write(length - (len(write(length)) - length))
    assert len(end) == length
    return end
