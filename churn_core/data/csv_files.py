"""Tables from CSV files, as text: the data contract alone decides what a cell's text means.

No error message holds a cell's value. The first line of a file without a header is a customer's row, so
messages name a column only if the contract knows it, and give its position otherwise.
"""

from __future__ import annotations

import codecs
import csv
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pandas as pd
import pyarrow as pa
from pyarrow import csv as arrow_csv

from churn_core.data.files import check_file, unreadable
from churn_core.errors import DataError

if TYPE_CHECKING:
    from os import PathLike

    from churn_core.schema import Contract

_TEXT_CELLS: Final = "text_cells"
_SCAN_BYTES: Final = 1 << 20
_BLOCK_BYTES: Final = 1 << 24
"""Arrow reads CSV in blocks of this size; a row must fit into one."""
_OTHER_DELIMITERS: Final = {";": "semicolons", "\t": "tabs", "|": "bars"}


def cells_are_text(table: pd.DataFrame) -> bool:
    """Return whether every cell of a table is text because it was read from a CSV file."""
    return bool(table.attrs.get(_TEXT_CELLS, False))


def load_csv(path: str | PathLike[str], contract: Contract | None = None) -> pd.DataFrame:
    """Read a CSV file: UTF-8 with or without a byte order mark, commas, one header line.

    Parameters
    ----------
    path : path-like
    contract : Contract, optional
        If given, a first line that names none of its columns is refused as data. Messages can then name
        its columns; without it they give positions.

    Returns
    -------
    DataFrame
        Every column of dtype ``str``, blank cells as empty text, in the file's order. `cells_are_text` is
        true for it. Empty lines are skipped.

    Raises
    ------
    DataError
        If the file is missing, a directory, empty, not UTF-8, holds NUL bytes, is not separated by
        commas, has duplicate columns, no header or a stray quote, or if its rows differ in length.
    """
    path = Path(path)
    check_file(path)
    try:
        quoted = _check_bytes(path)
        header, header_lines, has_rows = _read_header(path)
        _check_header(path, header, contract)
        if quoted:
            _check_quotes(path)
        no_rows = pd.DataFrame(columns=header, dtype="str")
        table = _read_cells(path, header, header_lines) if has_rows else no_rows
    except OSError as error:
        raise unreadable(path, error) from error
    table.attrs[_TEXT_CELLS] = True
    return table


def _check_bytes(path: Path) -> bool:
    """Check that the file is UTF-8 text without NUL; return whether it holds a quote."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    quoted = False
    with path.open("rb") as file:
        try:
            while chunk := file.read(_SCAN_BYTES):
                decoder.decode(chunk)
                if b"\0" in chunk:
                    raise DataError(f"{path} holds NUL bytes; save it as plain UTF-8 text.")
                quoted = quoted or b'"' in chunk
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            # The cause is dropped because its message shows the bytes.
            raise DataError(f"{path} is not valid UTF-8; save it with the encoding UTF-8.") from None
    return quoted


def _read_header(path: Path) -> tuple[list[str], int, bool]:
    """Return the column names, the number of lines of the header, and whether rows follow."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        records = csv.reader(file)
        try:
            header = next((record for record in records if record), None)
        except csv.Error:
            header = None
        lines = records.line_num
        has_rows = any(line.strip("\r\n") for line in file)
    if header is None:
        raise DataError(f"{path} has no header; write the column names into its first line.")
    return header, lines, has_rows


def _check_header(path: Path, header: list[str], contract: Contract | None) -> None:
    if len(header) == 1:
        for delimiter, word in _OTHER_DELIMITERS.items():
            if delimiter in header[0]:
                raise DataError(f"{path} seems to be separated by {word}; separate its cells by commas.")
    known = _known_columns(contract)
    name, count = Counter(header).most_common(1)[0]
    if count > 1:
        places = ", ".join(str(position) for position, other in enumerate(header, 1) if other == name)
        raise DataError(
            f"{path} has {f'the column {name!r}' if name in known else 'a column'} {count} times"
            f" (positions {places}); keep one and remove or rename the others."
        )
    if known and known.isdisjoint(header):
        raise DataError(
            f"The first line of {path} names none of the contract's columns; add a header line, or name"
            " the file's columns in the configuration."
        )


def _known_columns(contract: Contract | None) -> set[str]:
    if contract is None:
        return set()
    return {*contract.names, contract.target, *([contract.id_column] if contract.id_column else [])}


def _check_quotes(path: Path) -> None:
    # Arrow accepts a quote that is never closed, or closed too late, and reads many rows as one cell.
    with path.open(encoding="utf-8-sig", newline="") as file:
        records = csv.reader(file, strict=True)
        try:
            for _ in records:
                pass
        except csv.Error:
            raise DataError(
                f"A cell of {path}, in line {records.line_num} or above it, has a quote that is not closed,"
                " or text after its closing quote; close the quote, and double the quotes inside cells."
            ) from None


def _read_cells(path: Path, header: list[str], header_lines: int) -> pd.DataFrame:
    bad_rows: list[tuple[int, int]] = []

    def note(row: arrow_csv.InvalidRow) -> str:
        bad_rows.append((row.number, row.actual_columns))
        return "skip"

    try:
        cells = arrow_csv.read_csv(
            path,
            # With threads, Arrow does not know the number of a bad row.
            read_options=arrow_csv.ReadOptions(
                use_threads=False, block_size=_BLOCK_BYTES, skip_rows=header_lines, column_names=header
            ),
            parse_options=arrow_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=note),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowException:
        # The cause is dropped because its message may show a row.
        raise DataError(
            f"{path} holds a row longer than {_BLOCK_BYTES:,} bytes, or is not CSV; write it again as CSV."
        ) from None
    if bad_rows:
        number, width = bad_rows[0]
        raise DataError(
            f"Rows of {path} have more or fewer cells than the header, which has {len(header)} (count"
            f" {len(bad_rows):,}; the first is row {number - header_lines} below the header, with {width});"
            " correct them."
        )
    table: pd.DataFrame = cells.to_pandas()
    return table
