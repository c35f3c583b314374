"""Tables from Parquet files, with the types that the file declares.

No error message holds a cell's value.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd
import pyarrow as pa
from pyarrow import parquet as arrow_parquet

from churn_core.data.files import check_file, unreadable
from churn_core.errors import DataError

if TYPE_CHECKING:
    from os import PathLike

_PARQUET_MAGIC: Final = b"PAR1"
_ENCRYPTED_MAGIC: Final = b"PARE"

_NULLABLE_DTYPES: Final = {
    pa.from_numpy_dtype(dtype.type): dtype
    for dtype in (
        *(pd.BooleanDtype(), pd.Int8Dtype(), pd.Int16Dtype(), pd.Int32Dtype(), pd.Int64Dtype()),
        *(pd.UInt8Dtype(), pd.UInt16Dtype(), pd.UInt32Dtype(), pd.UInt64Dtype()),
    )
}


def load_parquet(path: str | PathLike[str]) -> pd.DataFrame:
    """Read a Parquet file.

    Returns
    -------
    DataFrame
        In the file's order, with the index 0, 1, ... Integers stay integers and booleans stay booleans,
        in pandas' nullable dtypes where values are missing. Text has dtype ``str``, dictionary-encoded or
        not. Decimals become float64; those without digits after the point become integers, which are
        Python objects if they need more than 64 bits.

    Raises
    ------
    DataError
        If the file is missing, a directory, empty, not Parquet, truncated, encrypted or corrupt, if its
        text is not UTF-8, or if two columns have the same name.
    """
    path = Path(path)
    check_file(path)
    try:
        _check_magic(path)
        with arrow_parquet.ParquetFile(
            path,
            page_checksum_verification=True,
            # As nanoseconds, times of the old 96-bit type before 1677 and after 2262 would be read wrong.
            coerce_int96_timestamp_unit="us",
        ) as file:
            _check_parquet_names(path, file.schema_arrow.names)
            columns = file.read()
        # Arrow does not check that text is UTF-8 when it reads; pandas would crash on it later.
        columns.validate(full=True)
        return pd.DataFrame(
            {name: _parquet_column(columns.column(name)) for name in columns.column_names},
            index=pd.RangeIndex(columns.num_rows),
        )
    except (pa.ArrowException, ValueError, OverflowError):
        # The cause is dropped because its message may show values.
        raise DataError(f"{path} is a corrupt Parquet file; write it again.") from None
    except OSError as error:
        # Arrow raises an OSError without an error number for pages that it can't decode.
        if error.errno is None:
            raise DataError(f"{path} is a corrupt Parquet file; write it again.") from None
        raise unreadable(path, error) from error


def _check_magic(path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(len(_PARQUET_MAGIC))
        # In a file of less than 8 bytes the two marks would overlap.
        file.seek(max(len(_PARQUET_MAGIC), path.stat().st_size - len(_PARQUET_MAGIC)))
        tail = file.read()
    if _ENCRYPTED_MAGIC in (head, tail):
        raise DataError(f"{path} is an encrypted Parquet file; decrypt it first.")
    if head != _PARQUET_MAGIC:
        raise DataError(
            f"{path} is not a Parquet file; rename it to .csv if it holds CSV, or convert it to Parquet."
        )
    if tail != _PARQUET_MAGIC:
        raise DataError(f"{path} is a truncated Parquet file; copy or write it again.")


def _check_parquet_names(path: Path, names: list[str]) -> None:
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise DataError(f"{path} has the column {repeated[0]!r} more than once; rename or remove one.")


def _parquet_column(column: pa.ChunkedArray) -> pd.Series[Any]:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_decimal(column.type) and column.type.scale <= 0:
        try:
            column = column.cast(pa.int64())
        except pa.ArrowException:
            # As float64, long ids would lose digits.
            whole = [None if value is None else int(value) for value in column.to_pylist()]
            return pd.Series(whole, dtype=object)
    elif pa.types.is_decimal(column.type):
        # Via text, because Arrow's own cast differs in the last bit, which can cross a bound of the contract.
        column = column.cast(pa.string()).cast(pa.float64())
    # Only for columns with missing values: a mapper makes Arrow convert text value by value.
    mapper = _NULLABLE_DTYPES.get if column.null_count and column.type in _NULLABLE_DTYPES else None
    # As Python objects, dates after the year 9999 would raise an error.
    series: pd.Series[Any] = column.to_pandas(types_mapper=mapper, date_as_object=False)
    return series
