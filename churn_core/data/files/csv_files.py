"""Tables from CSV files and JSON lines, as text: the data contract alone decides what a cell's text means.

No error message holds a cell's value. The first line of a file without a header is a customer's row, so
messages name a column only if the contract knows it, and give its position otherwise.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from churn_core.data.files.readable import check_file, unreadable
from churn_core.errors import DataError, InputFileError
from churn_core.reader_rules import ReaderRules
from churn_core.scoring.input_limits import InputLimits
from churn_core.scoring.text_files.csv_table import DELIMITER_WORDS, CsvTable
from churn_core.scoring.text_files.formats import FileFormat, file_format
from churn_core.scoring.text_files.open_table import open_text_table

if TYPE_CHECKING:
    from os import PathLike

    import pandas as pd

    from churn_core.schema import Contract
    from churn_core.scoring.text_files.table import TextTable

_TEXT_CELLS: Final = "text_cells"


def cells_are_text(table: pd.DataFrame) -> bool:
    """Return whether every cell of a table is text because it was read from a text file."""
    return bool(table.attrs.get(_TEXT_CELLS, False))


def load_csv(
    path: str | PathLike[str], contract: Contract | None = None, rules: ReaderRules | None = None
) -> pd.DataFrame:
    """Read a CSV file or JSON lines, compressed with gzip or not, as the file's name says.

    Parameters
    ----------
    path : path-like
        A name with another ending is read as CSV.
    contract : Contract, optional
        If given, its reader's dialect is used, and a header that names none of its columns is refused as
        data. Messages can then name its columns; without it they give positions.
    rules : ReaderRules, optional
        Used instead of the contract's.

    Returns
    -------
    DataFrame
        Every column of dtype ``str``, blank cells as empty text, in the file's order. `cells_are_text` is
        true for it. Empty lines are skipped.

    Raises
    ------
    DataError
        If the file is missing, a directory, empty, not text of its encoding, not a whole gzip file, has
        another delimiter, duplicate columns or no header, or if any of its rows is malformed.
    """
    path = Path(path)
    check_file(path)
    kind = file_format(path)
    if kind is None or not kind.is_text:
        kind = FileFormat("csv")
    rules = rules or (ReaderRules() if contract is None else contract.reader)
    try:
        with open_text_table(path, kind, rules, InputLimits(), name=str(path)) as source:
            if isinstance(source, CsvTable):
                _check_header(source, contract)
            table = _read(source)
    except OSError as error:
        raise unreadable(path, error) from error
    except InputFileError as error:
        # The code is for outcomes of scoring; the message says all.
        raise DataError(str(error)) from None
    table.attrs[_TEXT_CELLS] = True
    return table


def _read(source: TextTable) -> pd.DataFrame:
    batches = [pa.table({name: batch.texts(name) for name in batch.columns}) for batch in source.batches()]
    source.refuse_malformed()
    columns = pa.schema([pa.field(name, pa.string()) for name in source.names])
    table: pd.DataFrame = pa.concat_tables([columns.empty_table(), *batches]).to_pandas()
    return table


def _check_header(source: CsvTable, contract: Contract | None) -> None:
    name, header = source.faults.name, source.header
    delimiter = source.other_delimiter()
    known = _known_columns(contract)
    if delimiter is not None and known.isdisjoint(header):
        raise DataError(
            f"{name} seems to be separated by {DELIMITER_WORDS[delimiter]}; add --reader"
            f" 'delimiter={'tab' if delimiter == chr(9) else delimiter}', or separate its cells by"
            f" {source.delimiter_word}."
        )
    column, count = Counter(header).most_common(1)[0]
    if count > 1:
        places = ", ".join(str(position) for position, other in enumerate(header, 1) if other == column)
        raise DataError(
            f"{name} has {f'the column {column!r}' if column in known else 'a column'} {count} times"
            f" (positions {places}); keep one and remove or rename the others."
        )
    alike = {column.strip().casefold() for column in known}
    if known and alike.isdisjoint(column.strip().casefold() for column in header):
        raise DataError(
            f"The header of {name} names none of the contract's columns; add a header line, set header_line"
            " of the reader to its line, or name the file's columns in the configuration."
        )


def _known_columns(contract: Contract | None) -> set[str]:
    if contract is None:
        return set()
    return {*contract.columns, contract.target, *([contract.id_column] if contract.id_column else [])}
