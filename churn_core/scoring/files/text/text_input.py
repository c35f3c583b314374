"""Encode the rows of a text file with DuckDB, batch by batch."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import arro3.core as arrow
import numpy as np

from churn_core.errors import InputFileError
from churn_core.scoring.column_names import alike_key, near_name, other_table
from churn_core.scoring.files.named_table import repeated_column, text_table
from churn_core.scoring.files.sql.encoding import (
    MALFORMED,
    encodings_by_column,
    kept_columns,
    kept_name,
)
from churn_core.scoring.files.sql.text import missing_column
from churn_core.scoring.files.text.planned_query import PlannedQuery
from churn_core.scoring.files.text.repeated_values import RepeatedValues
from churn_core.scoring.parquet.input_checks import FileLayout, check_names
from churn_core.scoring.text_files.cells import Cells
from churn_core.scoring.text_files.csv_table import DELIMITER_WORDS, CsvTable
from churn_core.scoring.text_files.json_lines import JsonLinesTable
from churn_core.scoring.text_files.table import TextBatch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import duckdb

    from churn_core.schema import Contract
    from churn_core.scoring.files.named_table import TableNames
    from churn_core.scoring.text_files.table import TextTable


def needed_columns(contract: Contract) -> list[str]:
    """Return the columns that a file to be scored must have."""
    return [*contract.columns, *([contract.id_column] if contract.id_column else [])]


def text_layout(table: TextTable, contract: Contract) -> FileLayout:
    """Return the columns of a text file; every one is text.

    Raises
    ------
    InputFileError
        ``dialect`` if the header has none of the contract's columns; ``duplicate-column``.
    """
    if not isinstance(table, CsvTable):
        return FileLayout(dict.fromkeys(table.names, "VARCHAR"), None)
    names = table.header
    if set(map(alike_key, names)).isdisjoint(map(alike_key, needed_columns(contract))):
        raise _header_fault(table, contract)
    check_names(list(names))
    return FileLayout(dict.fromkeys(names, "VARCHAR"), None)


def _header_fault(table: CsvTable, contract: Contract) -> InputFileError:
    other = table.other_delimiter()
    if other is not None:
        return table.faults.dialect(
            f"seems to be separated by {DELIMITER_WORDS[other]}; separate its cells by {table.delimiter_word}"
            f" as the model's reader says, or add --reader 'delimiter={'tab' if other == chr(9) else other}'."
        )
    line = contract.reader.dialect.header_line
    other = other_table(contract.columns, table.header, "this model")
    return table.faults.dialect(
        f"has none of the model's columns in its header (line {line}){'' if other is None else f': {other}'};"
        " name the model of this table with --model, add a header line, or set header_line of the reader."
    )


class EncodedText:
    """The encoded rows of a text file, as a stream of Arrow batches.

    Parameters
    ----------
    connection : DuckDBPyConnection
    table : TextTable
    contract : Contract
    layout : FileLayout
        Of the table: that of `text_layout` with its columns renamed.
    names : TableNames
        How the file's columns are renamed, and which it gets.
    keep : sequence of str
        Columns that the batches repeat as text.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        table: TextTable,
        contract: Contract,
        layout: FileLayout,
        names: TableNames,
        keep: Sequence[str] = (),
    ) -> None:
        self._cursor = connection.cursor()
        self._table = table
        self._contract = contract
        self._names = names
        self._encodings = encodings_by_column(contract, layout.types, text_cells=True)
        self._keep = tuple(keep)
        # A column that is kept and a feature too is encoded row by row, because its texts are needed.
        for column, kept in kept_columns(keep, layout.types).items():
            self._encodings.setdefault(column, []).append(kept)
        # The marker's name must differ from all names of the file.
        marker = MALFORMED
        while alike_key(marker) in map(alike_key, names.names(table.names)):
            marker += "_"
        self._marker = marker
        # By column: those whose values are looked up. The others are encoded row by row.
        self._repeated = {
            column: RepeatedValues(column, self._values_query(f"values_{number}", column))
            for number, column in enumerate(self._encodings)
            if column not in (contract.id_column, *self._keep, *names.names(()))
        }
        self._by_row: tuple[str, ...] = ()
        self._row_query = self._rows_query(())
        no_text = arrow.Array([], type=arrow.DataType.utf8())
        nothing = TextBatch(dict.fromkeys(table.names, no_text), np.zeros(0, dtype=np.bool_))
        self.schema = self._encode_rows(nothing, tuple(self._encodings)).schema

    def __iter__(self) -> Iterator[arrow.RecordBatch]:
        batches = self._table.batches()
        # The next batch is read while DuckDB encodes this one.
        with ThreadPoolExecutor(1, thread_name_prefix="read") as pool:
            coming = pool.submit(next, batches, None)
            while (batch := coming.result()) is not None:
                coming = pool.submit(next, batches, None)
                yield from self._encode(batch)
        self._check_columns()

    def _encode(self, batch: TextBatch) -> Iterator[arrow.RecordBatch]:
        found = self._look_up(batch)
        looked_up = {name: array for arrays in found.values() for name, array in arrays.items()}
        start = 0
        for rows in self._encode_rows(batch, tuple(c for c in self._encodings if c not in found)):
            arrays = [
                looked_up[name].slice(start, rows.num_rows) if name in looked_up else rows.column(name)
                for name in self.schema.names
            ]
            start += rows.num_rows
            yield arrow.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _look_up(self, batch: TextBatch) -> dict[str, dict[str, arrow.Array]]:
        """Return the encoded columns of those columns of cells whose values repeat."""
        found: dict[str, dict[str, arrow.Array]] = {}
        for name, cells in batch.columns.items():
            column = self._names.name(name)
            if column not in self._repeated or not isinstance(cells, Cells):
                continue
            encoded = self._repeated[column].encode(cells)
            if encoded is None:
                del self._repeated[column]
            else:
                found[column] = encoded
        return found

    def _encode_rows(self, batch: TextBatch, columns: tuple[str, ...]) -> arrow.RecordBatchReader:
        """Encode some of the columns, and the marker of malformed rows, row by row."""
        names = self._names
        texts = {
            names.name(name): batch.texts(name)
            for name in batch.columns
            if names.name(name) in columns and name not in names.constants
        }
        if columns != self._by_row:
            self._row_query.close()
            self._by_row = columns
            self._row_query = self._rows_query(columns)
        return self._row_query.run(texts | {self._marker: arrow.Array.from_numpy(batch.malformed)})

    def _values_query(self, name: str, column: str) -> PlannedQuery:
        encodings = ", ".join(self._encodings[column])
        return PlannedQuery(self._cursor, name, f"SELECT {encodings} FROM {name}_rows")

    def _rows_query(self, columns: tuple[str, ...]) -> PlannedQuery:
        passed = [
            *(["id"] if self._contract.id_column in columns else []),
            *(kept_name(place) for place, name in enumerate(self._keep) if name in columns),
        ]
        replaced = ", ".join(f"CASE WHEN NOT {MALFORMED} THEN {name} END AS {name}" for name in passed)
        values = f"* REPLACE ({replaced})" if passed else "*"
        encodings = [sql for column in columns for sql in self._encodings[column]]
        return PlannedQuery(
            self._cursor,
            "by_row",
            f"SELECT {values} FROM"
            f" (SELECT {', '.join([*encodings, f'{self._marker} AS {MALFORMED}'])}"
            f" FROM {text_table('by_row_rows', self._names)})",
        )

    def _check_columns(self) -> None:
        """Refuse JSON lines of which none has a column that is needed."""
        table = self._table
        if not table.rows:
            return
        for name in self._names.constants:
            if name in table.found:
                raise repeated_column(name)
        found = self._names.names(table.found)
        for name in (*needed_columns(self._contract), *self._keep):
            if name not in found:
                near = near_name(name, table.others if isinstance(table, JsonLinesTable) else ())
                if near is not None:
                    raise InputFileError(
                        "schema",
                        f"The column {name!r} is missing from the file; {near!r} differs in case or"
                        " surrounding blanks; rename the key.",
                    )
                raise missing_column(name, table.found)
