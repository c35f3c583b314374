"""Pages against their checksums and counts: sound files of every writer pass, damaged ones do not."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from churn_core.errors import InputFileError
from churn_core.scoring.parquet_pages import check_pages

if TYPE_CHECKING:
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


SMALL = TABLE.slice(0, 40).select(["number", "text", "few"])


def page_bytes(content: bytes) -> range:
    """Return where the first column's pages are, headers included."""
    column = pq.read_metadata(pa.BufferReader(content)).row_group(0).column(0)
    start = column.dictionary_page_offset or column.data_page_offset
    return range(start, start + column.total_compressed_size)


def test_every_flipped_bit_of_a_page_is_found(tmp_path: Path) -> None:
    path = write(tmp_path / "x", SMALL, write_page_checksum=True, compression="none", use_dictionary=False)
    sound = path.read_bytes()
    place = page_bytes(sound)
    data = sound.index(np.arange(3, dtype=np.float64).tobytes())
    assert data in place
    for position in range(data, place.stop):
        for bit in range(8):
            damaged = bytearray(sound)
            damaged[position] ^= 1 << bit
            path.write_bytes(damaged)
            with pytest.raises(InputFileError, match="damaged"):
                check_pages(path)


def test_a_flipped_bit_anywhere_is_found_or_harmless_and_never_more(tmp_path: Path) -> None:
    path = write(tmp_path / "x", SMALL, write_page_checksum=True, compression="snappy")
    sound = path.read_bytes()
    codes: list[str] = []
    for position in range(4, len(sound) - 8):
        for bit in (0, 3, 7):
            damaged = bytearray(sound)
            damaged[position] ^= 1 << bit
            path.write_bytes(damaged)
            try:
                check_pages(path)
            except InputFileError as error:
                codes.append(error.code)
    assert set(codes) <= {"corrupt", "encrypted"}
    assert len(codes) > 1_000


def test_every_shortened_footer_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "x", SMALL)
    sound = path.read_bytes()
    length = int.from_bytes(sound[-8:-4], "little")
    start = len(sound) - 8 - length
    for kept in range(0, length - 1, 3):
        path.write_bytes(sound[: start + kept] + kept.to_bytes(4, "little") + b"PAR1")
        with pytest.raises(InputFileError, match="damaged"):
            check_pages(path)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.binary(min_size=1, max_size=300))
def test_any_bytes_for_a_footer_are_refused_or_pass(tmp_path: Path, footer: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"PAR1" + bytes(50) + footer + len(footer).to_bytes(4, "little") + b"PAR1")
    with suppress(InputFileError):
        check_pages(path)
