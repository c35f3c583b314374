"""Listings of parts, and footers that are read from the ends of objects."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churn_core.scoring.parquet.footer import footer_length
from churn_core.scoring.parquet.thrift_compact import ThriftError
from functions.backfill.storage import LARGEST_FOOTER, TAIL_BYTES, BackfillStorage
from tests.functional.batch.interruptions.model_s3 import ModelS3

BUCKET, KEY = "b", "backfill/a.parquet"
OBJECT = {"Bucket": BUCKET, "Key": KEY}


class CountedS3(ModelS3):
    """An S3 in memory that remembers which ranges were read."""

    def __init__(self) -> None:
        super().__init__()
        self.ranges: list[str] = []

    def get_object(self, **which: Any) -> dict[str, Any]:
        self.ranges.append(which["Range"])
        return super().get_object(**which)


def parquet(rows: int, entry: int = 0) -> bytes:
    """Return a Parquet file whose footer holds an entry of some length."""
    sink = pa.BufferOutputStream()
    table = pa.table({"x": range(rows)})
    with pq.ParquetWriter(sink, table.schema, store_schema=False) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({"k": "v" * entry})
    content: bytes = sink.getvalue().to_pybytes()
    return content


def test_the_parts_are_the_newest_versions_of_parquet_objects() -> None:
    s3 = ModelS3()
    for key, body in [
        ("backfill/a.parquet", b"old"),
        ("backfill/a.parquet", b"newest"),
        ("backfill/B.PARQUET", b"x"),
        ("backfill/notes.txt", b"x"),
        ("backfill/deleted.parquet", b"x"),
        ("other/c.parquet", b"x"),
    ]:
        s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    s3.delete_object(Bucket=BUCKET, Key="backfill/deleted.parquet")
    found = {part.key: part for part in BackfillStorage(s3).list_parts(BUCKET, "backfill/")}
    assert sorted(found) == ["backfill/B.PARQUET", "backfill/a.parquet"]
    assert found["backfill/a.parquet"].version_id == "v2"
    newest = s3.head_object(Bucket=BUCKET, Key="backfill/a.parquet")
    assert (found["backfill/a.parquet"].etag, found["backfill/a.parquet"].size) == (
        newest["ETag"].strip('"'),
        6,
    )


def test_a_short_footer_is_read_by_one_request() -> None:
    s3 = CountedS3()
    s3.put_object(**OBJECT, Body=parquet(rows=7))
    found = BackfillStorage(s3).read_footer(OBJECT)
    assert found is not None
    assert found[0].rows == 7
    assert s3.ranges == ["bytes=-262144"]


def test_a_footer_of_exactly_the_first_request_needs_no_second_one() -> None:
    content = parquet(rows=7, entry=TAIL_BYTES)
    entry = 2 * TAIL_BYTES - footer_length(content) - 8
    s3 = CountedS3()
    content = parquet(rows=7, entry=entry)
    assert footer_length(content) + 8 == TAIL_BYTES
    s3.put_object(**OBJECT, Body=content)
    assert BackfillStorage(s3).read_footer(OBJECT) is not None
    assert len(s3.ranges) == 1


def test_a_long_footer_is_read_whole_by_a_second_request() -> None:
    content = parquet(rows=7, entry=TAIL_BYTES)
    s3 = CountedS3()
    s3.put_object(**OBJECT, Body=content)
    found = BackfillStorage(s3).read_footer(OBJECT)
    assert found is not None
    assert (found[0].rows, len(found[0].entries["k"])) == (7, TAIL_BYTES)
    length = footer_length(content) + 8
    assert s3.ranges == ["bytes=-262144", f"bytes=-{length}"]
    assert len(found[1].content) == length


def test_a_footer_over_the_limit_is_refused() -> None:
    content = parquet(rows=7, entry=1_000)
    length = footer_length(content) + 8
    s3 = CountedS3()
    s3.put_object(**OBJECT, Body=content)
    assert BackfillStorage(s3).read_footer(OBJECT, largest=length) is not None
    with pytest.raises(ThriftError, match="too large"):
        BackfillStorage(s3).read_footer(OBJECT, largest=length - 1)
    assert LARGEST_FOOTER == 64 * 1024 * 1024


def test_the_footer_of_a_missing_object_is_none() -> None:
    assert BackfillStorage(ModelS3()).read_footer(OBJECT) is None
