"""Tables from CSV and Parquet files, read so that nothing is guessed and nothing is lost.

A CSV file has no types, so every cell is read as text and the data contract alone says what the text
means. No error holds a cell's value; and since the first line of a CSV file without a header is a
customer, none holds a CSV column's name unless the contract knows it.
"""

from __future__ import annotations

import codecs
import csv
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd
import pyarrow as pa
from pyarrow import csv as arrow_csv
from pyarrow import parquet as arrow_parquet

from churn_core.errors import DataError

if TYPE_CHECKING:
    from os import PathLike

    from churn_core.schema import Contract

_TEXT_CELLS: Final = "text_cells"
_SCAN_BYTES: Final = 1 << 20
_BLOCK_BYTES: Final = 1 << 24
"""Arrow reads CSV in blocks of this size; a row must fit one."""
_OTHER_DELIMITERS: Final = {";": "semicolons", "\t": "tabs", "|": "bars"}
_PARQUET_MAGIC: Final = b"PAR1"
_ENCRYPTED_MAGIC: Final = b"PARE"

_NULLABLE_DTYPES: Final = {
    pa.from_numpy_dtype(dtype.type): dtype
    for dtype in (
        *(pd.BooleanDtype(), pd.Int8Dtype(), pd.Int16Dtype(), pd.Int32Dtype(), pd.Int64Dtype()),
        *(pd.UInt8Dtype(), pd.UInt16Dtype(), pd.UInt32Dtype(), pd.UInt64Dtype()),
    )
}


def load_table(path: str | PathLike[str], contract: Contract | None = None) -> pd.DataFrame:
    """Read a table by its file's ending, ``.csv`` or ``.parquet``.

    Parameters
    ----------
    path : path-like
    contract : Contract, optional
        As for `load_csv`.

    Raises
    ------
    DataError
        If the ending is another, or the file can't be read.
    """
    ending = Path(path).suffix.lower()
    if ending == ".csv":
        return load_csv(path, contract)
    if ending == ".parquet":
        return load_parquet(path)
    raise DataError(f"{path} ends neither in .csv nor in .parquet; convert it to one of the two.")


def cells_are_text(table: pd.DataFrame) -> bool:
    """Return whether every cell of a table is text, because it was read from a CSV file."""
    return bool(table.attrs.get(_TEXT_CELLS, False))


def load_csv(path: str | PathLike[str], contract: Contract | None = None) -> pd.DataFrame:
    """Read a CSV file: UTF-8 with or without a byte order mark, commas, one header line.

    Parameters
    ----------
    path : path-like
    contract : Contract, optional
        If given, a first line that names none of its columns is refused as data, and an error can name
        the column at fault where it otherwise gives the position.

    Returns
    -------
    DataFrame
        Every column of dtype ``str``, blank cells as empty text, in the file's order; `cells_are_text`
        holds for it. Wholly empty lines are left out.

    Raises
    ------
    DataError
        If the file is missing, a directory, empty, not UTF-8, holds NUL bytes, is not separated by
        commas, has duplicate columns, no header or a stray quote, or if its rows differ in length.
    """
    path = Path(path)
    _check_file(path)
    try:
        quoted = _check_bytes(path)
        header, header_lines, has_rows = _read_header(path)
        _check_header(path, header, contract)
        if quoted:
            _check_quotes(path)
        no_rows = pd.DataFrame(columns=header, dtype="str")
        table = _read_cells(path, header, header_lines) if has_rows else no_rows
    except OSError as error:
        raise _unreadable(path, error) from error
    table.attrs[_TEXT_CELLS] = True
    return table


def load_parquet(path: str | PathLike[str]) -> pd.DataFrame:
    """Read a Parquet file.

    Returns
    -------
    DataFrame
        In the file's order, with a plain index. Integers stay integers and booleans booleans, in
        pandas' nullable dtypes where values are missing; text is of dtype ``str``, dictionary-encoded or
        not; decimals become float64.

    Raises
    ------
    DataError
        If the file is missing, a directory, empty, no Parquet, truncated, encrypted or corrupt, if its
        text is not UTF-8, or if two columns have the same name.
    """
    path = Path(path)
    _check_file(path)
    try:
        _check_magic(path)
        with arrow_parquet.ParquetFile(path, page_checksum_verification=True) as file:
            _check_parquet_names(path, file.schema_arrow.names)
            columns = file.read()
        # Arrow trusts a file's text to be UTF-8; found out later, it would be a crash.
        columns.validate(full=True)
        return pd.DataFrame(
            {name: _parquet_column(columns.column(name)) for name in columns.column_names},
            index=pd.RangeIndex(columns.num_rows),
        )
    except (pa.ArrowException, ValueError, OverflowError):
        # Without the cause: its text may show values.
        raise DataError(f"{path} is a corrupt Parquet file; write it again.") from None
    except OSError as error:
        # Arrow raises a bare OSError, without an errno, for pages that don't decode.
        if error.errno is None:
            raise DataError(f"{path} is a corrupt Parquet file; write it again.") from None
        raise _unreadable(path, error) from error


def _check_file(path: Path) -> None:
    try:
        if not path.exists():
            raise DataError(f"{path} does not exist; name an existing file.")
        if path.is_dir():
            raise DataError(f"{path} is a directory; name a file in it.")
        if not path.is_file():
            raise DataError(f"{path} is no regular file; name a file on a disk.")
        if path.stat().st_size == 0:
            raise DataError(f"{path} is empty; name a file with a table in it.")
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> DataError:
    return DataError(f"{path} can't be read ({error.strerror}); check the file and its permissions.")


def _check_bytes(path: Path) -> bool:
    """Refuse bytes that are not text; return whether there is a quote."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    quoted = False
    with path.open("rb") as file:
        try:
            while chunk := file.read(_SCAN_BYTES):
                decoder.decode(chunk)
                if b"\0" in chunk:
                    raise DataError(f"{path} holds NUL bytes; write it again as plain UTF-8 text.")
                quoted = quoted or b'"' in chunk
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            # Without the cause: its text shows the bytes.
            raise DataError(f"{path} is not valid UTF-8; save it with the encoding utf-8.") from None
    return quoted


def _read_header(path: Path) -> tuple[list[str], int, bool]:
    """Return the columns' names, the lines up to the header's end, and whether any row follows."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        records = csv.reader(file)
        try:
            header = next((record for record in records if record), None)
        except csv.Error:
            header = None
        lines = records.line_num
        has_rows = any(line.strip("\r\n") for line in file)
    if header is None:
        raise DataError(f"{path} has no header; its first line must hold the columns' names.")
    return header, lines, has_rows


def _check_header(path: Path, header: list[str], contract: Contract | None) -> None:
    if len(header) == 1:
        for delimiter, word in _OTHER_DELIMITERS.items():
            if delimiter in header[0]:
                raise DataError(f"{path} seems to be separated by {word}; write it with commas.")
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
    # Arrow forgives a quote that is never closed, or closed too late: rows would vanish into one cell.
    with path.open(encoding="utf-8-sig", newline="") as file:
        records = csv.reader(file, strict=True)
        try:
            for _ in records:
                pass
        except csv.Error:
            raise DataError(
                f"A cell that ends at or before line {records.line_num} of {path} has a quote that is not"
                " closed, or text after the closing one; close it, and double the quotes inside cells."
            ) from None


def _read_cells(path: Path, header: list[str], header_lines: int) -> pd.DataFrame:
    bad_rows: list[tuple[int, int]] = []

    def note(row: arrow_csv.InvalidRow) -> str:
        bad_rows.append((row.number, row.actual_columns))
        return "skip"

    try:
        cells = arrow_csv.read_csv(
            path,
            # Threads would lose the numbers of the rows at fault.
            read_options=arrow_csv.ReadOptions(
                use_threads=False, block_size=_BLOCK_BYTES, skip_rows=header_lines, column_names=header
            ),
            parse_options=arrow_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=note),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowException:
        # Without the cause: its text may show a row.
        raise DataError(
            f"{path} holds a row longer than {_BLOCK_BYTES:,} bytes or is no CSV; write it again."
        ) from None
    if bad_rows:
        number, width = bad_rows[0]
        raise DataError(
            f"{path} has rows without the header's {len(header)} cells ({len(bad_rows):,} in all, the first"
            f" is row {number - header_lines} below the header with {width}); mend them."
        )
    table: pd.DataFrame = cells.to_pandas()
    return table


def _check_magic(path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(len(_PARQUET_MAGIC))
        # A file that is cut within its first bytes has no end of its own.
        file.seek(max(len(_PARQUET_MAGIC), path.stat().st_size - len(_PARQUET_MAGIC)))
        tail = file.read()
    if _ENCRYPTED_MAGIC in (head, tail):
        raise DataError(f"{path} is an encrypted Parquet file; decrypt it first.")
    if head != _PARQUET_MAGIC:
        raise DataError(f"{path} is no Parquet file; give it the ending of its format, or convert it.")
    if tail != _PARQUET_MAGIC:
        raise DataError(f"{path} is a truncated Parquet file; copy or write it again.")


def _check_parquet_names(path: Path, names: list[str]) -> None:
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise DataError(f"{path} has the column {repeated[0]!r} more than once; rename or remove one.")


def _parquet_column(column: pa.ChunkedArray) -> pd.Series[Any]:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_decimal(column.type):
        # By way of text: Arrow's own cast is off in the last bit, and so across a bound of the contract.
        column = column.cast(pa.string()).cast(pa.float64())
    # Only where it is needed: with a mapper, Arrow hands text over value by value.
    mapper = _NULLABLE_DTYPES.get if column.null_count and column.type in _NULLABLE_DTYPES else None
    # Dates as objects would end at the year 9999, with a crash.
    series: pd.Series[Any] = column.to_pandas(types_mapper=mapper, date_as_object=False)
    return series
