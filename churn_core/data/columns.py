"""Whole columns of a table parsed into values and fault codes.

`churn_core.scoring.records.encoding` decides about every value. Text, whole numbers and booleans are decided
once per distinct value. Other numbers are decided one by one: 0.4 s a million, where a check of whole arrays
would take 0.02 s but be a second implementation of the rules.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from churn_core.errors import DataError, reject_number
from churn_core.reader_rules import TextRules
from churn_core.schema import CategoryFeature, label_tuple
from churn_core.scoring.records.categories import canonical_category
from churn_core.scoring.records.ids import read_whole_id
from churn_core.scoring.records.number_text import NumberText
from churn_core.scoring.records.values import BLANK, ValueRefusedError, encode_number

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from churn_core.schema import Contract, IdType, NumberFeature

FINE: Final = 0
"""Fault code of a valid value; the other codes are those of `reject_number`."""

MISSING: Final = reject_number("missing")
"""Fault code of a missing value in a column that is not nullable."""

_whole_float_text = re.compile(r"([+-]?[0-9]+)[.]0+")

_NO_RULES: Final = TextRules()
_NUMBER_KINDS: Final = "iuf"
_COUNTABLE_KINDS: Final = "iub"


@dataclass(frozen=True, slots=True)
class NumberColumn:
    """A parsed number column.

    Attributes
    ----------
    values : ndarray of float64, shape (rows,)
        NaN where the value is missing or faulty.
    faults : ndarray of uint8, shape (rows,)
        `FINE` where the contract allows the value, else the `reject_number` of the reason.
    """

    values: npt.NDArray[np.float64]
    faults: npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class CategoryColumn:
    """A parsed category column.

    Attributes
    ----------
    text : ndarray of object, shape (rows,)
        Text in the form of the vocabulary; None where the value is missing or faulty.
    faults : ndarray of uint8, shape (rows,)
        `FINE` where the contract allows the value, else the `reject_number` of the reason.
    """

    text: npt.NDArray[np.object_]
    faults: npt.NDArray[np.uint8]


class DistinctValues(NamedTuple):
    """The distinct values of a column; `codes` (int64, one per row) index `values`, -1 is missing."""

    codes: npt.NDArray[np.int64]
    values: list[Any]


def parse_number_column(
    series: pd.Series[Any], feature: NumberFeature, *, text_cells: bool, rules: TextRules = _NO_RULES
) -> NumberColumn:
    """Parse a column as float64 and check every value against the contract.

    Parameters
    ----------
    series : Series
        Numbers of any dtype, text, or Python objects; its index is ignored.
    feature : NumberFeature
        Defines what is allowed.
    text_cells : bool
        Whether every cell of the table is text, as in a CSV file. Then text that parses as a number is
        allowed in any number column.
    rules : TextRules
        How text stands for numbers.
    """
    if text_cells:
        feature = replace(feature, stored_as_text=True)
    codes: npt.NDArray[np.int64] | slice = slice(None)
    distinct = distinct_text(series)
    if distinct is not None:
        # The code -1 of a missing value picks the last entry.
        values, codes = [*distinct.values, None], distinct.codes
    elif _dtype_kind(series) in _NUMBER_KINDS:
        values = series.to_numpy(dtype=np.float64, na_value=np.nan).tolist()
    else:
        values = python_objects(series)
    text = NumberText(rules, feature.signs)
    numbers, faults = parse_values(lambda value: encode_number(value, feature, text), values)
    return NumberColumn(numbers.astype(np.float64)[codes], faults[codes])  # None becomes NaN


def parse_category_column(series: pd.Series[Any], feature: CategoryFeature) -> CategoryColumn:
    """Bring values into canonical form and check them, except against `allowed` and `vocabulary`.

    Parameters
    ----------
    series : Series
        Text, integers, booleans, or Python objects; floats if the feature's values are compared as numbers.
        Its index is ignored.
    feature : CategoryFeature
        Defines how values are compared, and whether missing values are allowed.
    """
    codes: npt.NDArray[np.int64] | slice = slice(None)
    distinct = distinct_text(series)
    countable = _COUNTABLE_KINDS + ("" if feature.values == "text" else "f")
    if distinct is None and _dtype_kind(series) in countable:
        found, uniques = pd.factorize(series, use_na_sentinel=True)
        distinct = DistinctValues(found.astype(np.int64), uniques.tolist())
    if distinct is not None:
        # The code -1 of a missing value picks the last entry.
        values, codes = [*distinct.values, None], distinct.codes
    else:
        values = python_objects(series)
    text, faults = parse_values(lambda value: canonical_category(value, feature), values)
    text, faults = text[codes], faults[codes]
    if not feature.accepts_missing:
        faults[(faults == FINE) & pd.isna(text)] = MISSING
    return CategoryColumn(text, faults)


def parse_target_column(series: pd.Series[Any], name: str) -> CategoryColumn:
    """Normalise a column of labels as a category column, but accept whole floats too.

    pandas turns the integers of a column with a missing label into floats, and writes ``True`` to CSV where
    Parquet has ``true``. Such labels are equal (see `label_form`).
    """
    if _dtype_kind(series) in "fO":
        whole = [int(v) if isinstance(v, float) and v.is_integer() else v for v in python_objects(series)]
        series = pd.Series(whole, dtype=object)
    column = parse_category_column(series, CategoryFeature(name, required=True))
    codes, values = pd.factorize(column.text)
    forms = np.array([label_form(value) for value in values] + [None], dtype=object)
    return CategoryColumn(forms[codes], column.faults)


def label_form(text: str) -> str:
    """Normalise a label, so that equal labels are equal texts: ``True`` to ``true``, ``1.0`` to ``1``."""
    if text.casefold() in ("true", "false"):
        return text.casefold()
    whole = _whole_float_text.fullmatch(text)
    return whole[1] if whole else normal_form(text)


def target_labels(series: pd.Series[Any], contract: Contract) -> npt.NDArray[np.int64]:
    """Return the target as int64 labels: 1 for the contract's positive labels, 0 for its negative ones.

    Raises
    ------
    DataError
        If a value is missing or none of these labels.
    """
    column = parse_target_column(series, contract.target)
    positive_labels, negative_labels = label_tuple(contract.positive), label_tuple(contract.negative)
    positive = _has_label(column, positive_labels)
    others = ~positive & (column.faults == FINE) & ~pd.isna(column.text)
    negative = _has_label(column, negative_labels) if negative_labels else others
    unknown = int(np.count_nonzero(~(positive | negative)))
    if unknown:
        allowed = (positive_labels, negative_labels)
        listed = [" or ".join(map(repr, labels)) if labels else "any other label" for labels in allowed]
        raise DataError(
            f"Target column {contract.target!r} has {unknown} rows whose value is missing or is neither"
            f" data.target.positive ({listed[0]}) nor data.target.negative ({listed[1]});"
            " correct these rows or these two settings, or add their labels to data.target.exclude."
        )
    return positive.astype(np.int64)


def kept_rows(series: pd.Series[Any], contract: Contract) -> npt.NDArray[np.int64]:
    """Return the positions of the rows whose label is not one that the contract excludes."""
    if not contract.excluded:
        return np.arange(len(series))
    return np.flatnonzero(~_has_label(parse_target_column(series, contract.target), contract.excluded))


def _has_label(column: CategoryColumn, labels: tuple[str, ...]) -> npt.NDArray[np.bool_]:
    forms = {label_form(label) for label in labels}
    return np.fromiter((text in forms for text in column.text), np.bool_, len(column.text))


def learn_id_type(series: pd.Series[Any]) -> IdType:
    """Return ``integer`` if every id is a whole number of 64 bits without leading zeros, else ``text``.

    Texts that are one number, such as ``7`` and ``7.0``, stay different ids, so they are text.
    """
    distinct = distinct_text(series)
    if distinct is not None:
        texts = [text for text in distinct.values if text.strip(BLANK)]
        numbers = set(map(read_whole_id, texts))
        fits = None not in numbers and len(numbers) == len(texts)
    else:
        fits = all(
            _fits_integer(value)
            if isinstance(value, (int, np.integer)) and not isinstance(value, bool)
            else isinstance(value, float) and value.is_integer() and _fits_integer(int(value))
            for value in python_objects(series)
            if value is not None
        )
    return "integer" if fits else "text"


def _fits_integer(number: int | np.integer[Any]) -> bool:
    return -(2**63) <= int(number) < 2**63


def normal_form(text: str) -> str:
    """Return text from a configuration in the form of parsed categories (Unicode NFC)."""
    return unicodedata.normalize("NFC", text)


def distinct_text(series: pd.Series[Any]) -> DistinctValues | None:
    """Return the distinct values of a text column, or None if it holds anything other than text.

    `pandas.factorize` is not used because it treats texts that differ only after a NUL as equal.
    """
    if not isinstance(series.dtype, pd.StringDtype) and not (
        series.dtype == object and pd.api.types.infer_dtype(series, skipna=True) == "string"
    ):
        return None
    try:
        column = pa.array(series, type=pa.large_string(), from_pandas=True)
    except UnicodeEncodeError:
        # Arrow stores text as UTF-8, which has no lone surrogates.
        return _distinct_python_text(series)
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    encoded = pa.chunked_array(chunks, type=pa.large_string()).combine_chunks().dictionary_encode()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return DistinctValues(codes, encoded.dictionary.to_pylist())


def _distinct_python_text(series: pd.Series[Any]) -> DistinctValues:
    known: dict[str, int] = {}
    codes = [-1 if text is None else known.setdefault(text, len(known)) for text in python_objects(series)]
    return DistinctValues(np.array(codes, dtype=np.int64), list(known))


def parse_values(
    parse: Callable[[Any], Any], values: list[Any]
) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.uint8]]:
    """Parse each value; return the results (None where refused) and the fault codes."""
    results = np.full(len(values), None, dtype=object)
    faults = np.zeros(len(values), dtype=np.uint8)
    for position, value in enumerate(values):
        try:
            results[position] = parse(value)
        except ValueRefusedError as refused:
            faults[position] = reject_number(refused.code)
    return results, faults


def _dtype_kind(series: pd.Series[Any]) -> str:
    return str(getattr(series.dtype, "kind", "O"))


def python_objects(series: pd.Series[Any]) -> list[Any]:
    """Return the column as Python objects, with None for every kind of missing value."""
    objects = series.to_numpy(dtype=object, copy=True)
    objects[series.isna().to_numpy(dtype=bool)] = None
    return list(objects)
