"""The output file: its bytes, its ids, and destinations that it must not replace."""

from __future__ import annotations

import hashlib
import os
import uuid
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from churn_core.errors import DataError, OutputError
from churn_core.schema import CategoryFeature, Contract, NumberFeature
from churn_core.scoring.files.score_file import BatchSettings, score_file
from tests.functional.files.mirror_files import CONTRACT, ROWS, TABLE, put, score
from tests.mirror_model import MISSING_SHOWN, mirror

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("contributions", [False, True])
@pytest.mark.parametrize("rows", [4_097, 122_881, 300_000])
def test_the_bytes_depend_neither_on_threads_nor_on_the_inputs_row_groups(
    rows: int, contributions: bool, tmp_path: Path
) -> None:
    generator = np.random.default_rng(0)
    table = pa.table(
        {
            "customer": generator.integers(0, 10**6, rows).astype(str),
            "spent": generator.uniform(-100, 1_000, rows),
            "plan": generator.choice(["basic", "gold", "iron"], rows),
        }
    )
    source, out, predictor = tmp_path / "in.parquet", tmp_path / "out.parquet", mirror(CONTRACT)
    digests = set()
    for group_rows in (997, 10_000, 1_000_000):
        parquet.write_table(table, source, row_group_size=group_rows)
        for threads in (1, 2, 2):
            settings = BatchSettings(threads=threads, contributions=contributions)
            score_file(source, out, predictor, settings)
            digests.add(hashlib.sha256(out.read_bytes()).hexdigest())
    assert len(digests) == 1


def rows_of(folder: Path, columns: str) -> list[tuple[Any, ...]]:
    return duckdb.execute(f"SELECT {columns} FROM '{folder / 'out.parquet'}' ORDER BY row_number").fetchall()


EVERY_CODE: dict[str, dict[str, Any]] = {
    "missing": {"spent": None},
    "not_finite": {"spent": -np.inf},
    "out_of_range": {"spent": 1e39},
    "not_integer": {"visits": 1.5},
    "too_long": {"plan": "x" * 257},
    "invalid_unicode": {"plan": "a\0b"},
    "wrong_type": {"typed": "twelve"},
}


def test_every_reject_code_is_in_its_row(tmp_path: Path) -> None:
    contract = Contract(
        (
            NumberFeature("spent", 0, 1e6),
            NumberFeature("visits", 0, 100, integer=True),
            CategoryFeature("plan", ("basic",)),
            NumberFeature("typed", 0, 9, nullable=True, stored_as_text=True),
        ),
        *("left", "yes", "no"),
    )
    good = {"spent": 1.0, "visits": 2.0, "plan": "basic", "typed": " "}
    worst = {"spent": np.nan, "visits": 0.5, "plan": "", "typed": "?"}
    table = pa.Table.from_pylist([good, *(good | change for change in EVERY_CODE.values()), worst])
    parquet.write_table(table, tmp_path / "in.parquet")
    out = tmp_path / "out.parquet"
    result = score_file(tmp_path / "in.parquet", out, mirror(contract), BatchSettings(contributions=True))
    # If a row has several faults, the code is that of the first column in contract order.
    codes = [None, *EVERY_CODE, "missing"]
    assert rows_of(tmp_path, "row_number, reject_code") == list(enumerate(codes))
    assert result.rejects == dict.fromkeys(EVERY_CODE, 1) | {"missing": 2}
    assert (result.scored, result.rejected) == (1, 8)
    filled = rows_of(tmp_path, "churn_probability, will_churn, risk, reason_1, warnings, contributions")
    assert filled[1:] == [(None,) * 6] * 8
    assert list(filled[0][5].values()) == [1.0, 2.0, 0.0, MISSING_SHOWN]


def test_a_table_with_only_rejected_rows_has_an_output(tmp_path: Path) -> None:
    result = score(tmp_path, put("spent", [-1.0] * ROWS))
    assert (result.rows, result.scored, result.rejects) == (ROWS, 0, {"out_of_range": ROWS})
    assert set(rows_of(tmp_path, "status, churn_probability, reason_1")) == {("rejected", None, None)}


def test_an_unknown_category_of_a_rejected_row_is_not_counted(tmp_path: Path) -> None:
    table = put("spent", [-1.0, 1.0, 1.0])
    result = score(tmp_path, table.set_column(2, "plan", pa.array(["iron", "iron", "gold"])))
    assert result.unknown == {"plan": 1}
    assert rows_of(tmp_path, "warnings") == [(None,), ("plan",), (None,)]


@pytest.mark.parametrize("blank", [None, "", " ", "\t\n\r\v\f"])
def test_a_row_without_an_id_is_rejected_as_missing(blank: str | None, tmp_path: Path) -> None:
    score(tmp_path, put("customer", [blank, "c1", "\u00a0"]))
    assert rows_of(tmp_path, "customer, reject_code") == [(blank, "missing"), ("c1", None), ("\u00a0", None)]


UUIDS = [uuid.UUID(int=7), uuid.UUID(int=2**127 + 1)]
IDS = {
    "uuid": pa.ExtensionArray.from_storage(pa.uuid(), pa.array([u.bytes for u in UUIDS], pa.binary(16))),
    "largest": pa.array([2**64 - 1, None], pa.uint64()),
    "smallest": pa.array([-128, None], pa.int8()),
    "double": pa.array([0.1, None]),
    "dictionary": pa.array(["a", None]).dictionary_encode(),
    "twice": pa.array(["same", "same"]),
}


@pytest.mark.parametrize("kind", IDS)
def test_an_id_keeps_its_value_and_type(kind: str, tmp_path: Path) -> None:
    score(tmp_path, put("customer", IDS[kind]))
    before, after = (
        parquet.read_table(tmp_path / name)["customer"] for name in ("in.parquet", "out.parquet")
    )
    assert after.to_pylist() == before.to_pylist()
    if kind != "dictionary":
        assert after.type == before.type
    codes = [code for (code,) in rows_of(tmp_path, "reject_code")]
    assert codes == ["missing" if value is None else None for value in before.to_pylist()]


def test_a_column_with_only_null_ids_rejects_every_row(tmp_path: Path) -> None:
    assert score(tmp_path, put("customer", pa.nulls(3))).rejects == {"missing": 3}
    assert rows_of(tmp_path, "customer") == [(None,)] * 3


def test_a_pipe_is_neither_replaced_nor_waited_for(tmp_path: Path) -> None:
    source, pipe = tmp_path / "in.parquet", tmp_path / "pipe"
    parquet.write_table(TABLE, source)
    os.mkfifo(pipe)
    with pytest.raises(OutputError, match="regular file"):
        score_file(source, pipe, mirror(CONTRACT))
    with pytest.raises(DataError, match="regular file"):
        score_file(pipe, tmp_path / "out.parquet", mirror(CONTRACT))
    assert pipe.is_fifo()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.parquet", "pipe"]


def test_an_input_is_not_overwritten_through_another_path(tmp_path: Path) -> None:
    source = tmp_path / "in.parquet"
    parquet.write_table(TABLE, source)
    content = source.read_bytes()
    (tmp_path / "soft").symlink_to(source)
    (tmp_path / "hard").hardlink_to(source)
    for name in ("in.parquet", "soft", "hard"):
        with pytest.raises(OutputError, match="input"):
            score_file(source, tmp_path / name, mirror(CONTRACT))
    assert source.read_bytes() == content


def test_the_output_has_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    score(tmp_path, TABLE)
    assert (tmp_path / "out.parquet").stat().st_mode == (tmp_path / "plain").stat().st_mode
