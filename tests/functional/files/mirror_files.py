"""Small Parquet files, scored by a model whose contributions are its inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from churn_core.errors import InputFileError
from churn_core.schema import CategoryFeature, Contract, NumberFeature
from churn_core.scoring.files.score_file import BatchResult, BatchSettings, score_file
from tests.functional.customer_files import CANARY
from tests.mirror_model import mirror

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 777
CONTRACT = Contract(
    (NumberFeature("spent", 0, 1e6), CategoryFeature("plan", ("basic", "gold"))),
    *("left", "yes", "no"),
    id_column="customer",
)
TABLE = pa.table(
    {
        "customer": [f"c{row}" for row in range(ROWS)],
        "spent": np.arange(ROWS, dtype=np.float64),
        "plan": ["basic", "gold", "iron"] * (ROWS // 3),
    }
)


def score(folder: Path, content: pa.Table | bytes) -> BatchResult:
    """Score a table, or the bytes of a file, from ``in.parquet`` to ``out.parquet``."""
    source = folder / "in.parquet"
    if isinstance(content, bytes):
        source.write_bytes(content)
    else:
        parquet.write_table(content, source)
    return score_file(source, folder / "out.parquet", mirror(CONTRACT), BatchSettings(contributions=True))


def refusal(folder: Path, content: pa.Table | bytes) -> str:
    """Score a file that must be refused; return the code.

    Also check that no output is left, that the message holds no value, and that the next file is scored.
    """
    with pytest.raises(InputFileError) as caught:
        score(folder, content)
    assert CANARY not in str(caught.value)
    assert [path.name for path in folder.iterdir()] == ["in.parquet"]
    assert score(folder, TABLE).scored == ROWS
    (folder / "out.parquet").unlink()
    return caught.value.code


def file_bytes(table: pa.Table, **options: Any) -> bytes:
    sink = pa.BufferOutputStream()
    parquet.write_table(table, sink, **options)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def put(name: str, values: Any) -> pa.Table:
    """Return the table's first rows with one column replaced."""
    array = values if isinstance(values, pa.Array) else pa.array(values)
    table = TABLE.slice(0, len(array))
    position = table.schema.get_field_index(name)
    return table.set_column(position, name, array) if position >= 0 else table.append_column(name, array)
