"""Checks of pages: intact files of every writer pass, damaged files are refused."""

from __future__ import annotations

import tracemalloc
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from churn_core.errors import InputFileError
from churn_core.scoring.parquet.pages import check_pages
from churn_core.scoring.parquet.thrift_compact import CompactReader, varint_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROWS = 3_000
TABLE = pa.table(
    {
        "number": np.arange(ROWS, dtype=np.float64),
        "text": [f"customer {row}" for row in range(ROWS)],
        "few": ["yes", None, "no"] * (ROWS // 3),
        "list": [[1, 2], [], None] * (ROWS // 3),
        "struct": [{"a": 1, "b": [{"c": "x"}]}, None, {"a": None, "b": []}] * (ROWS // 3),
        "map": pa.array([[("k", 1)], [], None] * (ROWS // 3), pa.map_(pa.string(), pa.int64())),
        "nothing": pa.nulls(ROWS),
    }
)


def write(path: Path, table: pa.Table = TABLE, **options: Any) -> Path:
    pq.write_table(table, path, **options)
    return path


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "zstd", "lz4", "brotli"])
@pytest.mark.parametrize("dictionary", [True, False])
def test_sound_files_pass(version: str, compression: str, dictionary: bool, tmp_path: Path) -> None:
    options: dict[str, Any] = {
        "data_page_version": version,
        "compression": compression,
        "use_dictionary": dictionary,
        "row_group_size": 700,
        "data_page_size": 1_000,
        "write_page_index": True,
        "bloom_filter_options": {"text": True},
    }
    assert check_pages(write(tmp_path / "with", write_page_checksum=True, **options)) > 50
    assert check_pages(write(tmp_path / "without", **options)) == 0


@pytest.mark.parametrize("rows", [0, 1, ROWS])
def test_files_of_few_rows_and_of_duckdb_pass(rows: int, tmp_path: Path) -> None:
    check_pages(write(tmp_path / "arrow", TABLE.slice(0, rows), write_page_checksum=True))
    customers = TABLE.slice(0, rows).drop_columns(["nothing"])
    duckdb.sql(f"COPY customers TO '{tmp_path / 'duckdb'}' (FORMAT parquet)")
    check_pages(tmp_path / "duckdb")
    assert customers.num_rows == rows


def test_a_file_without_row_groups_passes(tmp_path: Path) -> None:
    with pq.ParquetWriter(tmp_path / "none", TABLE.schema):
        pass
    assert check_pages(tmp_path / "none") == 0


SMALL = TABLE.slice(0, 18).select(["number", "text", "few"])


def page_bodies(content: bytes) -> list[range]:
    """Return the offsets of the pages' bytes without their headers."""
    bodies: list[range] = []
    group = pq.read_metadata(pa.BufferReader(content)).row_group(0)
    for column in map(group.column, range(group.num_columns)):
        start = column.dictionary_page_offset or column.data_page_offset
        end = start + column.total_compressed_size
        while start < end:
            reader = CompactReader(content, start)
            size = reader.struct({3: int})[3]
            bodies.append(range(reader.position, reader.position + size))
            start = bodies[-1].stop
        assert start == end
    return bodies


def code_of(path: Path) -> str | None:
    try:
        check_pages(path)
    except InputFileError as error:
        return error.code
    return None


@pytest.mark.parametrize(
    ("compression", "version", "dictionary"),
    [("none", "1.0", False), ("snappy", "1.0", True), ("zstd", "2.0", True)],
)
def test_every_flipped_bit_of_a_page_is_found_and_other_bits_only_refuse(
    compression: str, version: str, dictionary: bool, tmp_path: Path
) -> None:
    path = write(
        tmp_path / "x",
        SMALL,
        write_page_checksum=True,
        compression=compression,
        data_page_version=version,
        use_dictionary=dictionary,
    )
    sound = path.read_bytes()
    in_pages = {position for body in page_bodies(sound) for position in body}
    assert len(in_pages) > 200
    with path.open("r+b", buffering=0) as file:
        for position in range(4, len(sound) - 8):
            for bit in range(8) if position in in_pages else (0, 3, 7):
                file.seek(position)
                file.write(bytes([sound[position] ^ 1 << bit]))
                found = code_of(path)
                if position in in_pages:
                    assert found == "corrupt"
                else:
                    # The flip may turn a field of the footer into the one about encryption.
                    assert found in {None, "corrupt", "encrypted"}
            file.seek(position)
            file.write(sound[position : position + 1])
    assert path.read_bytes() == sound


def test_chunks_that_share_bytes_are_refused(tmp_path: Path) -> None:
    """Otherwise a small file could take hours: each of its many columns would read the same large page."""
    table = pa.table({"large": ["customer " * 40] * 30, "small": [1.0] * 30})
    path = write(tmp_path / "x", table, compression="none", use_dictionary=False, store_schema=False)
    sound = path.read_bytes()
    offsets = [pq.read_metadata(path).row_group(0).column(column).data_page_offset for column in (0, 1)]
    second = varint_bytes(2 * offsets[1])
    # An integer may be padded: here to the length of the other offset.
    first = bytes([2 * offsets[0] | 0x80]) + b"\x80" * (len(second) - 2) + b"\0"
    field = b"\x26"
    path.write_bytes(sound.replace(field + second, field + first))
    metadata = pq.read_metadata(path).row_group(0)
    assert metadata.column(0).data_page_offset == metadata.column(1).data_page_offset
    with pytest.raises(InputFileError, match="damaged"):
        check_pages(path)


@contextmanager
def peak_memory_below(limit: int) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < limit
    finally:
        tracemalloc.stop()


def test_a_large_page_is_read_in_pieces(tmp_path: Path) -> None:
    size = 12 * 2**20
    table = pa.table({"text": ["x" * size]})
    path = write(tmp_path / "x", table, compression="none", write_page_checksum=True, write_statistics=False)
    with peak_memory_below(size // 3):
        assert check_pages(path) == 2


def test_a_footer_with_many_row_groups_is_read_group_by_group(tmp_path: Path) -> None:
    table = pa.table({f"column {position}": np.arange(60.0) for position in range(150)})
    path = write(tmp_path / "x", table, row_group_size=1)
    footer = int.from_bytes(path.read_bytes()[-8:-4], "little")
    assert footer > 2**19
    with peak_memory_below(footer + 2**19):
        check_pages(path)


class Keys(pe.KmsClient):  # type: ignore[misc]
    """Does not encrypt keys; the test needs only a file that is marked as encrypted."""

    def wrap_key(self, key_bytes: bytes, master_key_identifier: str) -> str:
        return key_bytes.hex()

    def unwrap_key(self, wrapped_key: str, master_key_identifier: str) -> bytes:
        return bytes.fromhex(wrapped_key)


def test_encrypted_columns_are_distinguished_from_damaged_ones(tmp_path: Path) -> None:
    settings = pe.EncryptionConfiguration("footer", column_keys={"key": ["number"]}, plaintext_footer=True)
    properties = pe.CryptoFactory(lambda _: Keys()).file_encryption_properties(
        pe.KmsConnectionConfig(), settings
    )
    with pq.ParquetWriter(tmp_path / "x", SMALL.schema, encryption_properties=properties) as writer:
        writer.write_table(SMALL)
    with pytest.raises(InputFileError) as caught:
        check_pages(tmp_path / "x")
    assert caught.value.code == "encrypted"


def test_every_shortened_footer_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "x", SMALL)
    sound = path.read_bytes()
    length = int.from_bytes(sound[-8:-4], "little")
    start = len(sound) - 8 - length
    for kept in range(length):
        path.write_bytes(sound[: start + kept] + kept.to_bytes(4, "little") + b"PAR1")
        with pytest.raises(InputFileError, match="damaged"):
            check_pages(path)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.binary(min_size=1, max_size=300))
def test_random_footer_bytes_pass_or_are_refused_without_other_errors(tmp_path: Path, footer: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"PAR1" + bytes(50) + footer + len(footer).to_bytes(4, "little") + b"PAR1")
    with suppress(InputFileError):
        check_pages(path)
