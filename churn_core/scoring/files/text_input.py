"""Encode the rows of a text file with DuckDB, batch by batch."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import arro3.core as arrow
import numpy as np

from churn_core.schema import alike_key
from churn_core.scoring.files.encoding_sql import MALFORMED, encoded_columns
from churn_core.scoring.files.named_table import repeated_column, text_table
from churn_core.scoring.files.sql_text import missing_column
from churn_core.scoring.parquet.input_checks import FileLayout, check_names
from churn_core.scoring.text_files.csv_table import DELIMITER_WORDS, CsvTable
from churn_core.scoring.text_files.table import TextBatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

    from churn_core.errors import InputFileError
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
            " as the model's reader says, or set delimiter of the reader."
        )
    line = contract.reader.dialect.header_line
    return table.faults.dialect(
        f"has none of the model's columns in its header (line {line}); add a header line, or set header_line"
        " of the reader."
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
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        table: TextTable,
        contract: Contract,
        layout: FileLayout,
        names: TableNames,
    ) -> None:
        self._cursor = connection.cursor()
        self._table = table
        self._contract = contract
        self._names = names
        columns = encoded_columns(contract, layout.types, text_cells=True)
        without_id = "* REPLACE (CASE WHEN NOT malformed THEN id END AS id)" if contract.id_column else "*"
        # The marker's name must differ from all names of the file.
        marker = MALFORMED
        while alike_key(marker) in map(alike_key, names.names(table.names)):
            marker += "_"
        self._marker = marker
        self._query = (
            f"SELECT {without_id} FROM"
            f" (SELECT {', '.join([*columns, f'{marker} AS {MALFORMED}'])}"
            f" FROM {text_table('text_rows', names)})"
        )
        no_text = arrow.Array([], type=arrow.DataType.utf8())
        nothing = TextBatch(dict.fromkeys(table.names, no_text), np.zeros(0, dtype=np.bool_))
        self.schema = self._encode(nothing).schema

    def __iter__(self) -> Iterator[arrow.RecordBatch]:
        batches = self._table.batches()
        # The next batch is read while DuckDB encodes this one.
        with ThreadPoolExecutor(1, thread_name_prefix="read") as pool:
            coming = pool.submit(next, batches, None)
            while (batch := coming.result()) is not None:
                coming = pool.submit(next, batches, None)
                yield from self._encode(batch)
        self._check_columns()

    def _encode(self, batch: TextBatch) -> arrow.RecordBatchReader:
        constants = self._names.constants
        arrays = {self._names.name(n): cells for n, cells in batch.columns.items() if n not in constants}
        arrays[self._marker] = arrow.Array.from_numpy(batch.malformed)
        rows = arrow.RecordBatch.from_arrays(list(arrays.values()), names=list(arrays))
        self._cursor.register("text_rows", arrow.Table.from_batches([rows], schema=rows.schema))
        return arrow.RecordBatchReader.from_arrow(self._cursor.sql(self._query))

    def _check_columns(self) -> None:
        """Refuse JSON lines of which none has a column that is needed."""
        table = self._table
        if not table.rows:
            return
        for name in self._names.constants:
            if name in table.found:
                raise repeated_column(name)
        found = self._names.names(table.found)
        for name in needed_columns(self._contract):
            if name not in found:
                raise missing_column(name, table.found)
