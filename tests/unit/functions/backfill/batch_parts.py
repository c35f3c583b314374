"""Plans of parts that are nowhere, and the ends that they would have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from functions.backfill.plan import Plan
from functions.backfill.storage import Tail
from functions.shared.objects import InputObject

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class Inputs:
    """Inputs that all end alike."""

    end: bytes

    def input_tail(self, source: InputObject, size: int = 256 * 1024) -> Tail:
        return Tail(self.end[-size:], {})


def plan_of(number: int, size: int = 100, change: Callable[[int], str] = "v{}".format) -> Plan:
    parts = tuple(
        InputObject("bucket", f"backfill/part-{part:04d}.parquet", change(part), "e", size)
        for part in range(number)
    )
    return Plan("bucket", "backfill/", "d" * 64, parts)


def tail_of(rows: int) -> bytes:
    """Return the end of a Parquet file of so many rows."""
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"x": pa.array([0]).take(pa.array([0] * rows))}), sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content[-200_000:]
