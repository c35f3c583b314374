"""Input files: rows C1 to C38 of the reliability contract, each in the function's own child process.

After a bad file, the same environment scores a good one (guarantee G8). The suite tries this after one file
of each outcome, `make proof` after every file.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churn_core.data import generate_sample_data
from churn_core.scoring.parquet.thrift_compact import CompactReader
from functions.batch import app
from tests.functional.batch.batch_stack import BatchStack, message
from tests.functional.batch.corpus import claiming_rows, corpus, many_customers, parquet
from tests.functional.customer_files import CANARY
from tests.proof_figures import cases, record_figure

if TYPE_CHECKING:
    from collections.abc import Callable

MANY_CUSTOMERS = pa.Table.from_pandas(
    generate_sample_data(4_000, seed=9).drop(columns="Churn").astype({"MonthlyCharges": float}),
    preserve_index=False,
)
TABLE = MANY_CUSTOMERS.slice(0, 40)
FILES = corpus(TABLE)
PAIRED = {str(case.end): name for name, case in reversed(FILES.items()) if isinstance(case.end, str)}.values()
# The outcome of each file, in version 1a2a751 of apache/parquet-testing.
BAD_DATA = {
    "ARROW-GH-41317.parquet": "corrupt",
    "ARROW-GH-41321.parquet": "corrupt",
    "ARROW-GH-43605.parquet": "schema",
    "ARROW-GH-45185.parquet": "schema",
    "ARROW-GH-47662.parquet": "schema",
    "ARROW-RS-GH-6229-DICTHEADER.parquet": "corrupt",
    "ARROW-RS-GH-6229-LEVELS.parquet": "corrupt",
    "PARQUET-1481.parquet": "corrupt",
}


def drop_a_good_file(stack: BatchStack, customers: bytes) -> None:
    good = stack.drop(customers, "incoming/good.parquet")
    assert stack.table(good).num_rows == stack.table(good)["status"].to_pylist().count("scored") > 0


@pytest.mark.parametrize("name", FILES)
def test_g8_c36_each_file_has_its_outcome_and_the_next_is_scored(
    stack: BatchStack, customers: bytes, name: str
) -> None:
    case = FILES[name]
    put = stack.drop(case.content)

    if isinstance(case.end, str):
        assert stack.versions() == [stack.record_key(put)]
        assert stack.record(put)["code"] == case.end
    else:
        assert stack.versions() == [stack.output_key(put)]
        table, footer = stack.table(put), stack.footer(put)
        assert table["row_number"].to_pylist() == list(range(case.rows))
        rejected = [code for code in table["reject_code"].to_pylist() if code is not None]
        assert {code: rejected.count(code) for code in rejected} == case.end
        assert table["status"].to_pylist().count("rejected") == len(rejected)
        assert [footer[f"churn.{key}"] for key in ("rows", "scored", "rejected")] == [
            str(number) for number in (case.rows, case.rows - len(rejected), len(rejected))
        ]
        for code, number in case.end.items():
            assert stack.metric("RejectedRowsByCode", code=code) == number
    assert CANARY not in stack.log
    if name in PAIRED or cases(0, "CHURN_PAIRS"):
        drop_a_good_file(stack, customers)


@pytest.mark.parametrize("name", BAD_DATA)
def test_c22_c23_c34_files_that_misled_other_readers(stack: BatchStack, customers: bytes, name: str) -> None:
    folder = Path(os.environ.get("CHURN_BAD_PARQUET", ""))
    if not (folder / name).is_file():
        pytest.skip("set CHURN_BAD_PARQUET to the bad_data folder of apache/parquet-testing to run this test")
    put = stack.drop((folder / name).read_bytes())

    assert stack.versions() == [stack.record_key(put)]
    assert stack.record(put)["code"] == BAD_DATA[name]
    drop_a_good_file(stack, customers)


def test_c24_wrong_statistics_in_the_file_decide_nothing(stack: BatchStack) -> None:
    charges = np.full(40, 20.0)
    charges[:3] = 1e6
    table = TABLE.set_column(
        TABLE.schema.get_field_index("MonthlyCharges"), "MonthlyCharges", pa.array(charges)
    )
    content = parquet(table, compression="none", use_dictionary=False)
    footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    lied = content[footer:].replace(np.float64(1e6).tobytes(), np.float64(20.0).tobytes())
    assert lied != content[footer:]

    put = stack.drop(content[:footer] + lied)

    codes = stack.table(put)["reject_code"].to_pylist()
    assert codes == ["out_of_range"] * 3 + [None] * 37


@pytest.mark.parametrize(("limit", "folder"), [(40, "scored"), (39, "quarantine")])
def test_c30_the_limit_of_rows_is_inclusive(
    stack: BatchStack, monkeypatch: pytest.MonkeyPatch, limit: int, folder: str
) -> None:
    monkeypatch.setenv("CHURN_MAX_ROWS", str(limit))
    app.load_deliveries.cache_clear()

    put = stack.drop(parquet(TABLE))

    assert [key.split("/")[0] for key in stack.versions()] == [folder]
    if folder == "quarantine":
        assert stack.record(put)["code"] == "too-many-rows"


def test_c27_a_decompression_bomb_is_refused_by_its_footer(stack: BatchStack, customers: bytes) -> None:
    alike = pa.array(["x" * 400_000]).take(pa.array(np.zeros(1_000, dtype=np.int64)))
    bomb = parquet(pa.table({"Contract": alike}), compression="zstd", use_dictionary=False)
    assert len(bomb) < 200_000

    put = stack.drop(bomb)

    assert stack.record(put)["code"] == "too-large"
    drop_a_good_file(stack, customers)


def test_c28_a_bomb_with_a_false_footer_meets_the_limits(
    stack: BatchStack, customers: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One text of 300 MB (C19), of which the footer says that it is small, in a function of 512 MB."""
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
    app.load_deliveries.cache_clear()
    table = TABLE.slice(0, 2).set_column(
        TABLE.schema.get_field_index("Contract"), "Contract", pa.array(["x" * 300_000_000, "Two year"])
    )
    content = parquet(table, compression="zstd", use_dictionary=False, write_statistics=False)
    metadata = pq.read_metadata(pa.BufferReader(content)).row_group(0)
    sizes = [metadata.column(place).total_uncompressed_size for place in range(metadata.num_columns)]
    for size, lie in ((max(sizes), 100), (metadata.total_byte_size, 1_000)):
        content = claiming_rows(content, size, lie)

    put = stack.drop(content)

    assert stack.record(put)["code"] in ("resource-limit", "too-large")
    drop_a_good_file(stack, customers)


@pytest.mark.parametrize("codec", ["snappy", "zstd"])
def test_c38_with_a_declared_checksum_a_flipped_bit_is_never_scored(
    stack: BatchStack, in_process: Callable[[], None], codec: str
) -> None:
    in_process()
    flips = cases(30, "CHURN_BIT_FLIPS")
    sound = parquet(many_customers(TABLE, 200), compression=codec)
    declared = {"churn-sha256": hashlib.sha256(sound).hexdigest()}
    generator = np.random.default_rng(1)
    for number in range(flips):
        damaged = bytearray(sound)
        damaged[generator.integers(len(sound))] ^= 1 << int(generator.integers(8))
        put = stack.drop(bytes(damaged), f"incoming/{number}.parquet", Metadata=declared)
        assert stack.record(put)["code"] == "corrupt"
    stack.drop(sound, Metadata=declared)
    assert stack.outcomes()[-1] == "scored"
    record_figure(f"Single flipped bits under a declared sha256 ({codec}), none scored", f"{flips:,}")


def page_bodies(content: bytes) -> np.ndarray:
    """Return the offset of every byte that belongs to a page's body, and so to its checksum."""
    offsets = []
    group = pq.read_metadata(pa.BufferReader(content)).row_group(0)
    for number in range(group.num_columns):
        column = group.column(number)
        position = column.dictionary_page_offset or column.data_page_offset
        end = position + column.total_compressed_size
        while position < end:
            reader = CompactReader(content[position:end])
            size = reader.struct({3: int})[3]
            position += reader.position
            offsets.append(np.arange(position, position + size))
            position += size
    return np.concatenate(offsets)


def flip_bits(stack: BatchStack, sound: bytes, places: np.ndarray, flips: int, seed: int) -> Counter[str]:
    """Drop copies of a file with one flipped bit each; count the outcomes."""
    expected = stack.table(stack.drop(sound, "incoming/sound.parquet"))
    generator = np.random.default_rng(seed)
    outcomes: Counter[str] = Counter()
    for number in range(flips):
        damaged = bytearray(sound)
        damaged[generator.choice(places)] ^= 1 << int(generator.integers(8))
        put = stack.put(bytes(damaged), f"incoming/{number}.parquet")
        assert stack.deliver(message(put.event(), delivery=3)) == []
        if stack.outcomes()[-1] != "scored":
            assert stack.record(put)["code"]
            outcomes["quarantined"] += 1
            continue
        found = stack.table(put)
        assert found.num_rows == expected.num_rows
        outcomes["scored, equal" if found.equals(expected) else "scored, different"] += 1
    return outcomes


def customers_with_page_checksums(codec: str) -> bytes:
    """Return a file with checksums, of which page bodies are the largest part."""
    return parquet(MANY_CUSTOMERS, compression=codec, write_page_checksum=True)


@pytest.mark.parametrize("codec", ["snappy", "zstd"])
def test_c38_a_flipped_bit_in_a_page_with_a_checksum_never_changes_a_score(
    stack: BatchStack, in_process: Callable[[], None], codec: str
) -> None:
    in_process()
    sound = customers_with_page_checksums(codec)
    places = page_bodies(sound)
    assert len(places) > 0.8 * len(sound)

    outcomes = flip_bits(stack, sound, places, cases(40, "CHURN_BIT_FLIPS"), seed=2)

    assert outcomes["scored, different"] == 0
    assert outcomes["quarantined"]
    record_figure(
        f"Single flipped bits in page bodies with checksums ({codec}), none with other scores",
        f"{outcomes.total():,}: {outcomes['quarantined']:,} quarantined,"
        f" {outcomes['scored, equal']:,} scored as the sound file",
    )


@pytest.mark.parametrize("codec", ["snappy", "zstd"])
def test_c38_with_nothing_declared_a_flipped_bit_never_leaves_half_a_file(
    stack: BatchStack, in_process: Callable[[], None], codec: str
) -> None:
    """Flips anywhere in the file: headers and the footer have no checksum, so scores may change."""
    in_process()
    sound = customers_with_page_checksums(codec)

    outcomes = flip_bits(stack, sound, np.arange(len(sound)), cases(40, "CHURN_BIT_FLIPS"), seed=3)

    # About nine tenths of the bytes are page bodies.
    assert outcomes["quarantined"] > 0.6 * outcomes.total()
    record_figure(
        f"Single flipped bits anywhere in a file with page checksums ({codec}), no partial output",
        f"{outcomes.total():,}: {outcomes['quarantined']:,} quarantined,"
        f" {outcomes['scored, equal']:,} scored as the sound file,"
        f" {outcomes['scored, different']:,} scored with other values",
    )
