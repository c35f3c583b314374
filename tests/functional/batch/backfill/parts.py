"""Parts of a prefix: valid ones with different customers, and several kinds of invalid ones."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

GARBAGE = b"SSN-111-22-3333"


def parquet(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def renamed(table: pa.Table, number: int, identifier: str) -> pa.Table:
    """Return the table with identifiers that are unique to this part."""
    position = table.column_names.index(identifier)
    names = pa.array([f"P{number}-{row}" for row in range(table.num_rows)])
    return table.set_column(position, identifier, names)


def truncated(content: bytes) -> bytes:
    """Return a file without its middle; its footer is complete."""
    return content[:4] + content[1_000:]


def without_column(table: pa.Table, name: str) -> bytes:
    return parquet(table.drop_columns([name]))
