"""Dropped text files: the scores of the same table in Parquet, or one record in quarantine."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from churn_core.data import generate_sample_data
from tests.functional.batch.batch_stack import BatchStack, message
from tests.functional.batch.corpus import parquet
from tests.functional.customer_files import CANARY

if TYPE_CHECKING:
    from collections.abc import Callable

CUSTOMERS = generate_sample_data(200, seed=12).drop(columns="Churn")
CSV = CUSTOMERS.to_csv(index=False).encode()
JSON_LINES = CUSTOMERS.to_json(orient="records", lines=True).encode()
PARQUET = parquet(pa.Table.from_pandas(CUSTOMERS, preserve_index=False))
DROPS = {
    "incoming/night/C.CSV": CSV,
    "incoming/c.csv.gz": gzip.compress(CSV),
    "incoming/c.jsonl": JSON_LINES,
    "incoming/c.jsonl.gz": gzip.compress(JSON_LINES),
}
SCORES = ("customerID", "status", "churn_probability", "risk", "reason_1", "reason_3")


def scores(stack: BatchStack, put: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = stack.table(put).select(SCORES).to_pydict()
    return found


@pytest.mark.parametrize("key", DROPS)
def test_c40_each_kind_of_text_file_is_scored_in_the_child_process(stack: BatchStack, key: str) -> None:
    put = stack.drop(DROPS[key], key)
    assert stack.output_key(put).endswith(f"{put.input_id}.parquet")
    assert stack.outcomes() == ["scored"]
    expected = stack.drop(PARQUET, "incoming/c.parquet")
    assert scores(stack, put) == scores(stack, expected)


def test_c41_a_malformed_line_keeps_its_place_and_its_text_appears_nowhere(
    stack: BatchStack, in_process: Callable[[], None]
) -> None:
    in_process()
    lines = CSV.splitlines(keepends=True)
    lines.insert(2, f'{CANARY},"\n'.encode())
    put = stack.drop(b"".join(lines), "incoming/c.csv")
    table = stack.table(put)
    assert table["row_number"].to_pylist() == list(range(201))
    assert table["reject_code"].to_pylist()[:3] == [None, "malformed_line", None]
    assert table["customerID"].to_pylist()[:3] == [
        CUSTOMERS["customerID"][0],
        None,
        CUSTOMERS["customerID"][1],
    ]
    assert stack.metric("RejectedRowsByCode", code="malformed_line") == 1
    assert CANARY not in stack.log
    assert CANARY.encode() not in stack.output(put)


@pytest.mark.parametrize(
    ("key", "content", "code"),
    [
        ("incoming/c.csv", b"", "dialect"),
        ("incoming/c.csv", PARQUET, "not-text"),
        ("incoming/c.csv", CSV.decode().encode("utf-16"), "not-text"),
        ("incoming/c.csv", CSV + b"\0", "not-text"),
        ("incoming/c.csv", gzip.compress(CSV), "not-text"),
        ("incoming/c.csv", CSV.replace(b",", b";"), "dialect"),
        ("incoming/c.csv", CSV.partition(b"\n")[2], "dialect"),
        ("incoming/c.csv", CSV.replace(b"Contract", b"Contact", 1), "schema"),
        ("incoming/c.csv", CSV.replace(b"Contract", b"tenure", 1), "duplicate-column"),
        ("incoming/c.csv", b"," * 1_000 + b"\n", "too-many-columns"),
        ("incoming/c.csv.gz", CSV, "bad-compression"),
        ("incoming/c.csv.gz", gzip.compress(CSV) + b"PAR1", "bad-compression"),
        ("incoming/c.jsonl", CSV, "dialect"),
        ("incoming/c.jsonl", b"[" + JSON_LINES.replace(b"}\n", b"},\n"), "dialect"),
        ("incoming/c.parquet", CSV, "not-parquet"),
    ],
)
def test_c42_a_text_file_that_can_not_be_scored_is_quarantined_with_its_code(
    stack: BatchStack, in_process: Callable[[], None], key: str, content: bytes, code: str
) -> None:
    in_process()
    put = stack.drop(content, key)
    assert stack.versions() == [stack.record_key(put)]
    assert stack.record(put)["code"] == code


@pytest.mark.parametrize("key", ["incoming/c.csv.gz", "incoming/c.csv"])
def test_c42_flipped_bits_and_cut_files_never_crash_or_leave_half_a_file(
    stack: BatchStack, in_process: Callable[[], None], key: str
) -> None:
    in_process()
    sound = DROPS.get(key, CSV)
    generator = np.random.default_rng(5)
    for number in range(25):
        damaged = bytearray(sound)
        if number % 3:
            damaged[generator.integers(len(damaged))] ^= 1 << int(generator.integers(8))
        else:
            del damaged[int(generator.integers(len(damaged))) :]
        put = stack.put(bytes(damaged), f"incoming/{number}{key.removeprefix('incoming/c')}")
        assert stack.deliver(message(put.event(), delivery=3)) == []
        outcome = stack.outcomes()[-1]
        if outcome == "scored":
            assert stack.table(put).num_rows >= int(key.endswith(".gz")) * 200
        else:
            assert outcome in ("bad-compression", "not-text", "dialect", "schema", "duplicate-column")
