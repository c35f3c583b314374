"""One table from several files: columns are put in order, and types that hold the same values are joined.

No error message holds a cell's value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from churn_core.data.files.csv_files import cells_are_text
from churn_core.errors import DataError, InputFileError
from churn_core.scoring.column_names import alike_key

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from churn_core.sources.parts import Part, PartedTable

_EXACT_IN_FLOAT: Final = 2**53
_NULLABLE: Final = {"b": pd.BooleanDtype(), "i": pd.Int64Dtype(), "u": pd.UInt64Dtype()}
_KINDS: Final = {"b": "booleans", "i": "whole numbers", "u": "whole numbers", "f": "numbers", "M": "dates"}


def load_parts(
    table: PartedTable, load: Callable[[Part], pd.DataFrame], needed: Collection[str] | None = None
) -> pd.DataFrame:
    """Read all parts as one table.

    Parameters
    ----------
    table : PartedTable
    load : callable
        Reads a part.
    needed : collection of str, optional
        Columns that must be in all parts or in none. All others may differ; those that are not in every part
        are left out. By default all columns are needed.

    Returns
    -------
    DataFrame
        The columns of the first part, then the partition columns as text. Rows are in the order of the parts.

    Raises
    ------
    DataError
        If a part can't be read, or its columns or their types differ from those of the first part.
    """
    frames = [_named(part, load) for part in table.parts]
    names = _common_names(table.parts, frames, needed)
    joined: dict[str, pd.Series[Any]] = {}
    for name in names:
        joined[name] = _join([frame[name] for frame in frames], name, table.parts)
    lengths = [len(frame) for frame in frames]
    for place, (name, _) in enumerate(table.parts[0].partitions):
        if alike_key(name) in map(alike_key, names):
            raise DataError(
                f"Column {name!r} is in {table.parts[0].name} and in its path; remove it from one of the two."
            )
        # An empty cell of a CSV file is empty text, and so is a missing value of its partition.
        missing = "" if table.kind == "CSV" else None
        values = [missing if (value := part.partitions[place][1]) is None else value for part in table.parts]
        joined[name] = pd.Series(values, dtype="str").repeat(lengths).reset_index(drop=True)
    whole = pd.DataFrame(joined, index=pd.RangeIndex(sum(lengths)))
    whole.attrs.update(frames[0].attrs)
    return whole


def _named(part: Part, load: Callable[[Part], pd.DataFrame]) -> pd.DataFrame:
    try:
        return load(part)
    except InputFileError as error:
        raise InputFileError(error.code, f"{part.path}: {error}") from error


def _common_names(
    parts: Sequence[Part], frames: Sequence[pd.DataFrame], needed: Collection[str] | None
) -> list[str]:
    first = list(frames[0].columns)
    common = set(first)
    for part, frame in zip(parts, frames, strict=True):
        different = set(first) ^ set(frame.columns)
        faulty = sorted(different if needed is None else different & set(needed))
        if faulty:
            raise _columns_differ(part, frame, parts[0], faulty[0], named=needed is not None)
        common &= set(frame.columns)
    return [name for name in first if name in common]


def _columns_differ(part: Part, frame: pd.DataFrame, first: Part, name: str, *, named: bool) -> DataError:
    advice = "write all parts with the same columns"
    if cells_are_text(frame) and not named:
        # The first line of a file without a header is a customer's row.
        return DataError(f"{part.name} has other columns than {first.name}; {advice}.")
    here, there = ("", "not ") if name in frame.columns else ("not ", "")
    return DataError(f"Column {name!r} is {here}in {part.name}, but {there}in {first.name}; {advice}.")


def _join(columns: list[pd.Series[Any]], name: str, parts: Sequence[Part]) -> pd.Series[Any]:
    kinds = [_kind(column) for column in columns]
    present = [kind for kind in kinds if kind is not None]
    if not present:
        return pd.concat(columns, ignore_index=True)
    for part, kind in zip(parts, kinds, strict=True):
        first = present[0]
        if kind is None or kind == first or {kind, first} == {"numbers", "whole numbers"}:
            continue
        raise DataError(
            f"Column {name!r} holds {kind} in {part.name}, but {first} in"
            f" {parts[kinds.index(first)].name}; write all parts with the same type."
        )
    if set(present) == {"numbers", "whole numbers"}:
        for part, kind, column in zip(parts, kinds, columns, strict=True):
            if kind == "whole numbers" and not (column.dropna().abs() <= _EXACT_IN_FLOAT).all():
                raise DataError(
                    f"Column {name!r} holds whole numbers above 2^53 in {part.name}, but other parts store"
                    " floating-point numbers; write all parts with whole numbers."
                )
    # Parts without a value in this column have no type.
    typed = [column for column, kind in zip(columns, kinds, strict=True) if kind is not None]
    dtype = pd.concat([column.iloc[:0] for column in typed]).dtype
    if set(present) == {"whole numbers"} and dtype.kind == "f":
        # numpy has no integer type for both int64 and uint64.
        dtype = np.dtype(object)
    if None in kinds:
        dtype = _nullable(dtype)
    # Each column before they are joined, because joining would convert the values to another type first.
    return pd.concat([column.astype(dtype) for column in columns], ignore_index=True)


def _nullable(dtype: Any) -> Any:
    """Return a type of the same values that has missing ones too."""
    kind = dtype.kind if isinstance(dtype, np.dtype) else ""
    return _NULLABLE.get(kind, dtype)


def _kind(column: pd.Series[Any]) -> str | None:
    """Return what a column holds, or None if all of it is missing and it has no type."""
    if column.dtype == object and column.isna().all():
        return None
    if isinstance(column.dtype, pd.StringDtype):
        return "text"
    if column.dtype == object and all(isinstance(value, int) for value in column.dropna()):
        return "whole numbers"
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return "dates with a time zone"
    return _KINDS.get(str(getattr(column.dtype, "kind", "O")), str(column.dtype))
