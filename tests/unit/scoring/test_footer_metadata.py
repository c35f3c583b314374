"""Texts in a finished file's footer, as other readers find them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from churn_core.scoring.footer_metadata import read_footer_metadata, write_footer_metadata

if TYPE_CHECKING:
    from pathlib import Path

TABLE = pa.table({"a": [1.5, 2.5, None], "b": ["x", "y", "z"], "c": [[1], [], [2, 3]]})
ENTRIES = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20).filter(
        lambda name: name != "ARROW:schema"
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=300),
    max_size=20,
)


def written_by(writer: str, path: Path) -> Path:
    if writer == "duckdb":
        duckdb.sql(f"COPY (SELECT 1.5 AS a, 'x' AS b) TO '{path}' (FORMAT parquet)")
    else:
        pq.write_table(TABLE, path, store_schema=writer == "arrow with metadata")
    return path


@pytest.mark.parametrize("writer", ["duckdb", "arrow", "arrow with metadata"])
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(entries=ENTRIES)
def test_other_readers_find_the_entries_and_the_same_rows(
    writer: str, entries: dict[str, str], tmp_path: Path
) -> None:
    path = written_by(writer, tmp_path / "x.parquet")
    rows, created_by = pq.read_table(path).to_pylist(), pq.read_metadata(path).created_by

    write_footer_metadata(path, entries)

    assert read_footer_metadata(path) == entries
    metadata = pq.read_metadata(path)
    assert {k.decode(): v.decode() for k, v in (metadata.metadata or {}).items()} == entries
    assert (pq.read_table(path).to_pylist(), metadata.created_by) == (rows, created_by)
    told = duckdb.execute("SELECT key, value FROM parquet_kv_metadata(?)", [str(path)]).fetchall()
    assert {bytes(key).decode(): bytes(value).decode() for key, value in told} == entries


def test_long_texts_fit(tmp_path: Path) -> None:
    path = written_by("duckdb", tmp_path / "x.parquet")
    entries = {"long": "é" * 100_000, "empty": ""}
    write_footer_metadata(path, entries)
    assert read_footer_metadata(path) == entries
    assert pq.read_table(path).num_rows == 1


def test_the_last_entries_count_and_the_bytes_are_the_same_again(tmp_path: Path) -> None:
    path = written_by("arrow", tmp_path / "x.parquet")
    write_footer_metadata(path, {"a": "1"})
    first = path.read_bytes()
    write_footer_metadata(path, {"another": "entry" * 1_000})
    write_footer_metadata(path, {"a": "1"})
    assert path.read_bytes() == first
