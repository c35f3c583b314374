"""Encode a column in three ways and compare the results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from churn_core.data import load_parquet
from churn_core.data.columns import parse_category_column, parse_number_column
from churn_core.errors import REJECT_CODES
from churn_core.features import encode_table
from churn_core.schema import Contract, Feature, NumberFeature
from churn_core.scoring.files.score_file import BatchSettings, score_file
from churn_core.scoring.predictor import ChurnPredictor
from churn_core.scoring.records.encoding import RecordEncoder
from tests.mirror_model import MISSING_SHOWN, mirror

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Verdicts = list[str | float]
"""For each value, its reject code or its number in the encoded matrix."""


def _verdicts(codes: list[str | None], matrix: np.ndarray) -> Verdicts:
    column = matrix[:, 0].astype(np.float64)
    shown = np.where(np.isnan(column), MISSING_SHOWN, column).tolist()
    return [value if code is None else code for code, value in zip(codes, shown, strict=True)]


def _by_records(contract: Contract, values: list[Any]) -> Verdicts:
    name = contract.names[0]
    encoded = RecordEncoder(contract).encode_records([{name: value} for value in values])
    found = {fault.record: fault.code for fault in encoded.faults}
    return _verdicts([found.get(row) for row in range(len(values))], encoded.matrix)


def _by_table(contract: Contract, path: Path) -> Verdicts:
    feature, table = contract.features[0], load_parquet(path)
    if isinstance(feature, NumberFeature):
        faults = parse_number_column(table[feature.name], feature, text_cells=False).faults
    else:
        faults = parse_category_column(table[feature.name], feature).faults
    matrix = encode_table(table, contract)
    return _verdicts([REJECT_CODES[fault - 1] if fault else None for fault in faults], matrix)


def _by_file(predictor: ChurnPredictor, path: Path) -> tuple[Verdicts, list[tuple[float | None, bool]]]:
    out = path.with_name("out.parquet")
    score_file(path, out, predictor, BatchSettings(threads=1, contributions=True))
    rows = duckdb.execute(
        "SELECT coalesce(reject_code, 'none'), struct_extract_at(contributions, 1), churn_probability,"
        f" warnings IS NOT NULL FROM read_parquet('{out}') ORDER BY row_number"
    ).fetchall()
    return (
        [value if code == "none" else code for code, value, _, _ in rows],
        [(probability, warned) for _, _, probability, warned in rows],
    )


@pytest.fixture
def agree(tmp_path: Path) -> Callable[..., Verdicts]:
    """Encode a column in all three ways; return the verdicts if they are the same.

    Called with a feature, an Arrow column and, where Python has other values for it, those.
    """

    def check(feature: Feature, column: pa.Array, values: list[Any] | None = None) -> Verdicts:
        path = tmp_path / "in.parquet"
        parquet.write_table(pa.table({feature.name: column}), path)
        values = column.to_pylist() if values is None else values
        contract = Contract((feature,), target="left", positive="yes", negative="no")
        predictor = mirror(contract)
        expected = _by_records(contract, values)
        assert _by_table(contract, path) == expected
        found, answers = _by_file(predictor, path)
        assert found == expected
        for value, verdict, (probability, warned) in zip(values, expected, answers, strict=True):
            if isinstance(verdict, str):
                assert (probability, warned) == (None, False)
                continue
            answer = predictor.predict({feature.name: value})
            assert answer["churn_probability"] == probability
            assert (answer["warnings"] == [feature.name]) == warned
        return expected

    return check
