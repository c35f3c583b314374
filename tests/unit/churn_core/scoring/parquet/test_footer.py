"""Text entries in the footer of a finished file, read back by this library and by other readers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from churn_core.scoring.parquet.footer import (
    footer_length,
    read_footer,
    read_footer_bytes,
    write_footer_metadata,
)
from churn_core.scoring.parquet.thrift_compact import CompactReader, ThriftError, varint_bytes

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


def read_footer_metadata(path: Path) -> dict[str, str]:
    with path.open("rb") as file:
        _, footer = read_footer_bytes(file)
    return read_footer(footer).entries


def written_by(writer: str, path: Path) -> Path:
    if writer == "duckdb":
        duckdb.execute(f"COPY (SELECT 1.5 AS a, 'x' AS b) TO '{path}' (FORMAT parquet)")
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
    sound, before = path.read_bytes(), pq.read_metadata(path)
    rows = pq.read_table(path).to_pylist()

    write_footer_metadata(path, entries)

    assert read_footer_metadata(path) == entries
    metadata = pq.read_metadata(path)
    assert {k.decode(): v.decode() for k, v in (metadata.metadata or {}).items()} == entries
    assert pq.read_table(path).to_pylist() == rows
    assert len(pd.read_parquet(path)) == len(rows)
    assert metadata.to_dict() == before.to_dict() | {"serialized_size": metadata.serialized_size}
    data = len(sound) - 8 - before.serialized_size
    assert path.read_bytes()[:data] == sound[:data]
    found = duckdb.execute("SELECT key, value FROM parquet_kv_metadata(?)", [str(path)]).fetchall()
    assert {bytes(key).decode(): bytes(value).decode() for key, value in found} == entries


def test_long_texts_fit(tmp_path: Path) -> None:
    path = written_by("duckdb", tmp_path / "x.parquet")
    entries = {"long": "é" * 100_000, "empty": ""}
    write_footer_metadata(path, entries)
    assert read_footer_metadata(path) == entries
    assert pq.read_table(path).num_rows == 1


def test_entries_are_replaced_and_the_same_entries_give_the_same_bytes(tmp_path: Path) -> None:
    path = written_by("arrow", tmp_path / "x.parquet")
    write_footer_metadata(path, {"a": "1"})
    first = path.read_bytes()
    write_footer_metadata(path, {"another": "entry" * 1_000})
    write_footer_metadata(path, {"a": "1"})
    assert path.read_bytes() == first


def with_footer(path: Path, footer: bytes) -> None:
    path.write_bytes(b"PAR1" + footer + len(footer).to_bytes(4, "little") + b"PAR1")


@pytest.mark.parametrize("number", ["feff03", "ffff01"])
def test_an_extension_of_the_footer_is_kept(number: str, tmp_path: Path) -> None:
    """Field 32767 is written as the protocol says, and as the format's page on extensions says."""
    path = written_by("duckdb", tmp_path / "x.parquet")
    sound = path.read_bytes()
    start = len(sound) - 8 - int.from_bytes(sound[-8:-4], "little")
    extension = bytes.fromhex("08" + number) + b"\x09extension"
    footer = sound[start:-9] + extension + b"\0"
    path.write_bytes(sound[:start] + footer + len(footer).to_bytes(4, "little") + b"PAR1")
    write_footer_metadata(path, {"a": "1"})
    assert path.read_bytes()[:-8].endswith(extension + b"\0")
    assert pq.read_metadata(path).metadata == {b"a": b"1"}
    assert duckdb.execute(f"SELECT * FROM '{path}'").fetchall() == [(1.5, "x")]


@pytest.mark.parametrize(
    "footer",
    [
        "591c180161",  # cut off
        "591c1801ff180161 0000",  # a name that is not UTF-8
        "591c1801611801ff 0000",  # a value that is not UTF-8
        "591c28016100 00",  # a value without a name
        "550200",  # a number instead of the list
        "",  # nothing
    ],
)
def test_entries_of_a_damaged_footer_are_not_read(footer: str, tmp_path: Path) -> None:
    with_footer(tmp_path / "x", bytes.fromhex(footer))
    with pytest.raises(ThriftError):
        read_footer_metadata(tmp_path / "x")


@pytest.mark.parametrize(
    "content", [b"", b"PAR1", b"PAR1\xff\xff\xff\x7fPAR1", b"PAR1\x03\x15\x02\x03\0\0\0PAR1"]
)
def test_a_file_without_a_whole_footer_is_neither_read_nor_changed(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(ThriftError):
        read_footer_metadata(path)
    with pytest.raises(ThriftError):
        write_footer_metadata(path, {"a": "1"})
    assert path.read_bytes() == content


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_footer_is_read_or_refused(tmp_path: Path, footer: bytes) -> None:
    with_footer(tmp_path / "x", footer)
    try:
        found = read_footer_metadata(tmp_path / "x")
    except ThriftError:
        return
    assert all(isinstance(text, str) for entry in found.items() for text in entry)


@pytest.mark.parametrize("writer", ["duckdb", "arrow", "arrow with metadata"])
def test_rows_and_entries_are_read_from_the_end_of_a_file(writer: str, tmp_path: Path) -> None:
    path = written_by(writer, tmp_path / "x.parquet")
    write_footer_metadata(path, {"churn.rows": "3"})
    content = path.read_bytes()
    length = footer_length(content[-8:])

    footer = read_footer(content[-8 - length : -8])

    assert footer.rows == pq.read_metadata(path).num_rows
    assert footer.entries == {"churn.rows": "3"}


@pytest.mark.parametrize("end", [b"", b"PAR1", b"\0\0\0\0PAR2", b"\0\0\0PAR1"])
def test_bytes_that_do_not_end_as_parquet_have_no_footer(end: bytes) -> None:
    with pytest.raises(ThriftError):
        footer_length(end)


def test_a_footer_that_counts_no_rows_is_damaged() -> None:
    with pytest.raises(ThriftError, match="rows"):
        read_footer(b"\0")


@pytest.mark.parametrize("writer", ["duckdb", "arrow", "arrow with metadata"])
def test_the_fields_before_the_entries_keep_their_bytes(writer: str, tmp_path: Path) -> None:
    path = written_by(writer, tmp_path / "x.parquet")
    with path.open("rb") as file:
        _, before = read_footer_bytes(file)
    write_footer_metadata(path, {"name": "text"})
    with path.open("rb") as file:
        _, after = read_footer_bytes(file)
    reader = CompactReader(before)
    end = 0
    for number, kind in reader.fields():
        reader.skip(kind)
        if number < 5:
            end = reader.position
    assert end > 50
    assert after[:end] == before[:end]


@pytest.mark.parametrize("gap", [1, 15, 16, 17, 1_000])
def test_fields_with_far_numbers_are_kept(gap: int, tmp_path: Path) -> None:
    """A header of one byte holds a gap of at most 15 to the field before it."""

    def header(gap: int, kind: int) -> bytes:
        number = 6 + gap
        return bytes([gap << 4 | kind]) if gap < 16 else bytes([kind]) + varint_bytes(2 * number)

    # Field 3 is the number of rows, 7; field 6 names the writer.
    known = b"\x36\x0e" + b"\x38\x01w"
    extension = header(gap, 8) + b"\x02hi"
    footer = known + extension + b"\0"
    path = tmp_path / "x.parquet"
    path.write_bytes(b"PAR1" + footer + len(footer).to_bytes(4, "little") + b"PAR1")
    write_footer_metadata(path, {"name": "text"})
    with path.open("rb") as file:
        _, after = read_footer_bytes(file)
    assert read_footer(after).rows == 7
    assert CompactReader(after).struct({6: bytes, 6 + gap: bytes}) == {6: b"w", 6 + gap: b"hi"}
    assert after.endswith(extension + b"\0")
