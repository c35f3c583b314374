"""Damaged or forged Parquet files are refused, or scored by the values that they really hold."""

from __future__ import annotations

import gzip
import re
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from tests.functional.customer_files import CANARY
from tests.functional.files.mirror_files import ROWS, TABLE, file_bytes, put, refusal, score

if TYPE_CHECKING:
    from pathlib import Path

SOUND = file_bytes(TABLE)
DAMAGED = {
    "empty": (b"", "not-parquet"),
    "magic alone": (b"PAR1PAR1", "not-parquet"),
    "thrice the magic": (b"PAR1" * 3, "corrupt"),
    "text": (b"customer,spent,plan\n" * 9, "not-parquet"),
    "JSON": (b'{"customer": 1}' * 9, "not-parquet"),
    "compressed": (gzip.compress(SOUND), "not-parquet"),
    "without its first bytes": (SOUND[3:], "not-parquet"),
    "without its last byte": (SOUND[:-1], "corrupt"),
    "without its last bytes": (SOUND[:-10], "corrupt"),
    "half": (SOUND[: len(SOUND) // 2], "corrupt"),
    "with a byte behind": (SOUND + b"x", "corrupt"),
    "footer longer than the file": (SOUND[:-8] + (2**31 - 1).to_bytes(4, "little") + b"PAR1", "corrupt"),
    "footer of nothing": (b"PAR1" + bytes(20) + b"PAR1", "corrupt"),
    "footer of zeros": (SOUND[:-600] + bytes(592) + (592).to_bytes(4, "little") + b"PAR1", "corrupt"),
    "encrypted footer": (SOUND[:-4] + b"PARE", "encrypted"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_is_refused_and_the_next_is_scored(name: str, tmp_path: Path) -> None:
    content, code = DAMAGED[name]
    assert refusal(tmp_path, content) == code


def zigzag(number: int) -> bytes:
    """Return an i64 in Thrift's compact protocol."""
    number = (number << 1) ^ (number >> 63)
    groups = bytearray()
    while number > 0x7F:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*groups, number])


def with_claims(claim: int, *, of: int | None = None) -> bytes:
    """Write another row count into the footer, at all places or at one of them."""
    start = len(SOUND) - 8 - int.from_bytes(SOUND[-8:-4], "little")
    footer, pattern = SOUND[start:-8], b"\x16" + zigzag(ROWS)
    places = [match.start() for match in re.finditer(re.escape(pattern), footer)]
    assert len(places) >= 3
    for place in reversed(places if of is None else [places[of]]):
        footer = footer[:place] + b"\x16" + zigzag(claim) + footer[place + len(pattern) :]
    return SOUND[:start] + footer + len(footer).to_bytes(4, "little") + SOUND[-8:][4:]


@pytest.mark.parametrize("claim", [0, 3, 10_000, 199_999_999])
def test_a_footer_with_a_wrong_row_count_is_corrupt(claim: int, tmp_path: Path) -> None:
    assert refusal(tmp_path, with_claims(claim, of=0)) == "corrupt"


@pytest.mark.parametrize("claim", [10_000, 199_999_999, -1])
def test_a_footer_whose_counts_all_claim_too_many_rows_is_corrupt(claim: int, tmp_path: Path) -> None:
    assert refusal(tmp_path, with_claims(claim)) == "corrupt"


@pytest.mark.parametrize("claim", [200_000_001, 2**60])
def test_too_many_rows_are_refused_before_any_is_read(claim: int, tmp_path: Path) -> None:
    assert refusal(tmp_path, with_claims(claim)) == "too-many-rows"
    assert refusal(tmp_path, with_claims(claim, of=0)) == "too-many-rows"


@pytest.mark.parametrize("column", ["plan", "customer"])
def test_text_that_is_not_utf8_is_corrupt(column: str, tmp_path: Path) -> None:
    offsets = pa.py_buffer(np.array([0, 2, 2 + len(CANARY)], dtype=np.int32))
    text = pa.Array.from_buffers(pa.string(), 2, [None, offsets, pa.py_buffer(b"\xff\xfe" + CANARY.encode())])
    assert refusal(tmp_path, put(column, text)) == "corrupt"


def test_numbers_are_checked_by_value_and_not_by_the_footers_statistics(tmp_path: Path) -> None:
    table = put("spent", [1.0, 2e6, 3.0, float("inf")])
    content = file_bytes(table, compression="none", use_dictionary=False)
    footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    true, claimed = np.float64(np.inf).tobytes(), np.float64(4.0).tobytes()
    assert true in content[footer:]
    assert score(tmp_path, content[:footer] + content[footer:].replace(true, claimed)).rejects == {
        "out_of_range": 1,
        "not_finite": 1,
    }
    found = duckdb.execute(f"SELECT reject_code FROM '{tmp_path / 'out.parquet'}'").fetchall()
    assert found == [(None,), ("out_of_range",), (None,), ("not_finite",)]


@pytest.mark.parametrize("column", ["spent", "plan", "customer"])
def test_nulls_are_found_although_the_footer_claims_there_are_none(column: str, tmp_path: Path) -> None:
    nulls = 77
    values = [None if row < nulls else TABLE[column][row].as_py() for row in range(ROWS)]
    content = file_bytes(put(column, values))
    start = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    # The null count is the first field of the statistics, or follows minimum and maximum.
    counted = b"([\x16\x36])" + re.escape(zigzag(nulls))
    footer, count = re.subn(counted, rb"\1" + zigzag(0), content[start:-8])
    assert count == 1
    forged = content[:start] + footer + len(footer).to_bytes(4, "little") + b"PAR1"
    result = score(tmp_path, forged)
    # A missing category is scored with a warning.
    assert result.missing == ({"plan": nulls} if column == "plan" else {})
    assert result.rejects == ({} if column == "plan" else {"missing": nulls})


def test_missing_ids_are_found_although_the_footer_claims_there_are_none(tmp_path: Path) -> None:
    content = file_bytes(put("customer", [" ", "x", "y"]))
    start = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    forged = content[:start] + content[start:].replace(b"\x18\x01 ", b"\x18\x01w")
    assert forged != content
    assert score(tmp_path, forged).rejects == {"missing": 1}
