"""Read text from memory as a table, and say what every row gave."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

from churn_core.reader_rules import Dialect, TextRules
from churn_core.scoring.input_limits import InputLimits
from churn_core.scoring.text_files.csv_table import CsvTable
from churn_core.scoring.text_files.faults import TextFaults
from churn_core.scoring.text_files.json_lines import JsonLinesTable
from churn_core.scoring.text_files.text_stream import text_chunks

if TYPE_CHECKING:
    from churn_core.scoring.text_files.table import TextTable

MALFORMED: Final = "malformed"
"""Stands for a malformed row."""

Rows = list[tuple[str, ...] | str]


def csv_table(
    content: bytes,
    dialect: Dialect | None = None,
    *,
    gzipped: bool = False,
    limits: InputLimits | None = None,
    wanted: tuple[str, ...] | None = None,
) -> CsvTable:
    dialect, limits = dialect or Dialect(), limits or InputLimits()
    faults = TextFaults("The file")
    chunks = text_chunks(io.BytesIO(content), dialect.encoding, faults, limits, gzipped=gzipped)
    return CsvTable(chunks, dialect, faults, limits, wanted)


def json_table(
    content: bytes,
    rules: TextRules | None = None,
    *,
    limits: InputLimits | None = None,
    wanted: tuple[str, ...] | None = None,
) -> JsonLinesTable:
    limits, faults = limits or InputLimits(), TextFaults("The file")
    chunks = text_chunks(io.BytesIO(content), "utf-8", faults, limits, gzipped=False)
    return JsonLinesTable(chunks, rules or TextRules(), faults, limits, wanted)


def rows_of(table: TextTable) -> Rows:
    rows: Rows = []
    for batch in table.batches():
        columns = [batch.texts(name).to_pylist() for name in batch.columns]
        for row, malformed in enumerate(batch.malformed.tolist()):
            cells = tuple(str(column[row]) for column in columns)
            assert not (malformed and any(cells)), "the text of a malformed row must not appear"
            rows.append(MALFORMED if malformed else cells)
    assert table.rows == len(rows)
    assert table.malformed.rows == rows.count(MALFORMED)
    return rows
