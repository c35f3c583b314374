"""Whole columns of a table to parsed values, as fast as numpy and Arrow allow.

What a value may be is decided by `churn_core.scoring.records.encoding`, one value at a time; the functions
here give the same verdicts on columns. Text is looked at once a distinct value, numbers as arrays, and only
columns of mixed Python objects are walked value by value.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from churn_core.errors import REJECT_CODES, DataError
from churn_core.schema import CategoryFeature
from churn_core.scoring.records.values import (
    ValueRefusedError,
    category_text,
    encode_number,
    parse_number_text,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from churn_core.schema import Contract, NumberFeature

FINE: Final = 0
"""Fault code of a value without fault; others are 1 + the position in `REJECT_CODES`."""

MISSING: Final = 1 + REJECT_CODES.index("missing")
"""Fault code of a value that is missing where the contract wants one."""

_whole_float_text = re.compile(r"([+-]?[0-9]+)[.]0+")

_NUMBER_KINDS: Final = "iuf"
_COUNTABLE_KINDS: Final = "iub"
_WRONG_TYPE: Final = 1 + REJECT_CODES.index("wrong_type")


@dataclass(frozen=True, slots=True)
class NumberColumn:
    """A parsed number column.

    Attributes
    ----------
    values : ndarray of float64, shape (rows,)
        NaN where the value is missing or faulty.
    faults : ndarray of uint8, shape (rows,)
        0 where the contract allows the value, else 1 + the position of the reason in `REJECT_CODES`.
    """

    values: npt.NDArray[np.float64]
    faults: npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class CategoryColumn:
    """A parsed category column.

    Attributes
    ----------
    text : ndarray of object, shape (rows,)
        Normalised text; None where the value is missing or faulty.
    faults : ndarray of uint8, shape (rows,)
        0 where the contract allows the value, else 1 + the position of the reason in `REJECT_CODES`.
    """

    text: npt.NDArray[np.object_]
    faults: npt.NDArray[np.uint8]


class DistinctText(NamedTuple):
    """A text column as its distinct values; `codes` (int64, one a row) index `values`, -1 is missing."""

    codes: npt.NDArray[np.int64]
    values: list[str]


def parse_number_column(series: pd.Series[Any], feature: NumberFeature, *, text_cells: bool) -> NumberColumn:
    """Parse a column as float64 and judge every value by the contract.

    Parameters
    ----------
    series : Series
        Numbers of any width, nullable or not, or text, or Python objects; its index is ignored.
    feature : NumberFeature
        Says what is allowed.
    text_cells : bool
        Whether every cell of the table is text, as in a CSV file; then text that parses is allowed
        whatever the contract says about how the column is stored.
    """
    if text_cells:
        feature = replace(feature, stored_as_text=True)
    if _dtype_kind(series) in _NUMBER_KINDS:
        numbers = series.to_numpy(dtype=np.float64, na_value=np.nan)
        return _judged(numbers, np.zeros(len(series), dtype=np.uint8), feature)
    distinct = distinct_text(series)
    if distinct is not None:
        return _number_column_of_text(distinct, feature)
    numbers = np.full(len(series), np.nan)
    faults = np.zeros(len(series), dtype=np.uint8)
    for row, value in enumerate(_objects(series)):
        try:
            numbers[row] = encode_number(value, feature)
        except ValueRefusedError as refused:
            faults[row] = _fault_code(refused)
    return NumberColumn(numbers, faults)


def parse_category_column(series: pd.Series[Any], feature: CategoryFeature) -> CategoryColumn:
    """Normalise a column's text and judge every value by the contract, `allowed` and `vocabulary` apart.

    Parameters
    ----------
    series : Series
        Text, integers, booleans, or Python objects; its index is ignored.
    feature : CategoryFeature
        Says whether a missing value is allowed.
    """
    distinct = distinct_text(series)
    if distinct is not None:
        text, faults = _spread(distinct.codes, *_apply(category_text, distinct.values))
    elif _dtype_kind(series) in _COUNTABLE_KINDS:
        codes, values = pd.factorize(series, use_na_sentinel=True)
        text, faults = _spread(codes.astype(np.int64), *_apply(category_text, values.tolist()))
    elif _dtype_kind(series) == "f":
        text = np.full(len(series), None, dtype=object)
        faults = np.where(series.isna(), FINE, _WRONG_TYPE).astype(np.uint8)
    else:
        text, faults = _apply(category_text, _objects(series))
    if not feature.nullable:
        faults[(faults == FINE) & pd.isna(text)] = MISSING
    return CategoryColumn(text, faults)


def parse_target_column(series: pd.Series[Any], name: str) -> CategoryColumn:
    """Normalise a column of labels; beside what a category may be, it takes whole floats.

    A table that has lost a label somewhere holds 1.0 where another holds 1, and pandas writes True where
    Parquet has true: such labels are the same (see `label_form`).
    """
    if _dtype_kind(series) in "fO":
        whole = [int(v) if isinstance(v, float) and v.is_integer() else v for v in _objects(series)]
        series = pd.Series(whole, dtype=object)
    column = parse_category_column(series, CategoryFeature(name))
    codes, values = pd.factorize(column.text)
    forms = np.array([label_form(value) for value in values] + [None], dtype=object)
    return CategoryColumn(forms[codes], column.faults)


def label_form(text: str) -> str:
    """Return the text by which labels are compared: ``True`` is ``true``, ``1.0`` is ``1``."""
    if text.casefold() in ("true", "false"):
        return text.casefold()
    whole = _whole_float_text.fullmatch(text)
    return whole[1] if whole else normal_form(text)


def target_labels(series: pd.Series[Any], contract: Contract) -> npt.NDArray[np.int64]:
    """Return the target as int64 labels: 1 for the contract's positive label, 0 for its negative one.

    Raises
    ------
    DataError
        If a value is missing or neither of the two labels.
    """
    text = parse_target_column(series, contract.target).text
    positive = np.equal(text, label_form(contract.positive))
    negative = np.equal(text, label_form(contract.negative))
    strangers = int(np.count_nonzero(~(positive | negative)))
    if strangers:
        raise DataError(
            f"Column {contract.target!r} holds {strangers} values that are neither of the target's two"
            " labels; mend them, or name the labels in the configuration."
        )
    return positive.astype(np.int64)


def normal_form(text: str) -> str:
    """Return text of a configuration in the form that parsed categories have (Unicode's NFC)."""
    return unicodedata.normalize("NFC", text)


def distinct_text(series: pd.Series[Any]) -> DistinctText | None:
    """Return a text column as its distinct values, or None if it holds anything but text.

    Not `pandas.factorize`, which takes texts that differ only after a NUL for equal.
    """
    if not isinstance(series.dtype, pd.StringDtype) and not (
        series.dtype == object and pd.api.types.infer_dtype(series, skipna=True) == "string"
    ):
        return None
    try:
        column = pa.array(series, type=pa.large_string(), from_pandas=True)
    except UnicodeEncodeError:
        # Lone surrogates can't be written as UTF-8, which is all that Arrow has.
        return _distinct_python_text(series)
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    encoded = pa.chunked_array(chunks, type=pa.large_string()).combine_chunks().dictionary_encode()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return DistinctText(codes, encoded.dictionary.to_pylist())


def _distinct_python_text(series: pd.Series[Any]) -> DistinctText:
    known: dict[str, int] = {}
    codes = [-1 if text is None else known.setdefault(text, len(known)) for text in _objects(series)]
    return DistinctText(np.array(codes, dtype=np.int64), list(known))


def _number_column_of_text(distinct: DistinctText, feature: NumberFeature) -> NumberColumn:
    if feature.stored_as_text:
        parsed, wrong = _apply(parse_number_text, distinct.values)
    else:
        parsed = np.full(len(distinct.values), None, dtype=object)
        wrong = np.full(len(distinct.values), _WRONG_TYPE, dtype=np.uint8)
    numbers = parsed.astype(np.float64)  # None becomes NaN
    # One entry more: the code -1 of a missing value picks it.
    judged = _judged(np.append(numbers, np.nan), np.append(wrong, np.uint8(FINE)), feature)
    return NumberColumn(judged.values[distinct.codes], judged.faults[distinct.codes])


def _judged(
    numbers: npt.NDArray[np.float64], faults: npt.NDArray[np.uint8], feature: NumberFeature
) -> NumberColumn:
    absent = np.isnan(numbers)
    infinite = np.isinf(numbers)
    within = (numbers >= feature.minimum) & (numbers <= feature.maximum)
    verdicts = [
        (absent & (not feature.nullable), "missing"),
        (infinite, "not_finite"),
        (~absent & ~infinite & ~within, "out_of_range"),
    ]
    if feature.integer:
        verdicts.append((within & (numbers != np.trunc(numbers)), "not_integer"))
    faults = faults.copy()
    for at_fault, code in verdicts:
        faults[at_fault & (faults == FINE)] = 1 + REJECT_CODES.index(code)
    return NumberColumn(np.where(faults == FINE, numbers, np.nan), faults)


def _apply(
    parse: Callable[[Any], Any], values: list[Any]
) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.uint8]]:
    results = np.full(len(values), None, dtype=object)
    faults = np.zeros(len(values), dtype=np.uint8)
    for position, value in enumerate(values):
        try:
            results[position] = parse(value)
        except ValueRefusedError as refused:
            faults[position] = _fault_code(refused)
    return results, faults


def _spread(
    codes: npt.NDArray[np.int64], values: npt.NDArray[np.object_], faults: npt.NDArray[np.uint8]
) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.uint8]]:
    # One entry more: the code -1 of a missing value picks it.
    with_missing = np.full(len(values) + 1, None, dtype=object)
    with_missing[:-1] = values
    return with_missing[codes], np.append(faults, np.uint8(FINE))[codes]


def _fault_code(refused: ValueRefusedError) -> int:
    return 1 + REJECT_CODES.index(refused.code)


def _dtype_kind(series: pd.Series[Any]) -> str:
    return str(getattr(series.dtype, "kind", "O"))


def _objects(series: pd.Series[Any]) -> list[Any]:
    """Return the column as Python objects, None for each of pandas' several missing values."""
    objects = series.to_numpy(dtype=object, copy=True)
    objects[series.isna().to_numpy(dtype=bool)] = None
    return list(objects)
