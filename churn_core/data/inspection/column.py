"""Columns of an unknown table, read without a contract."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import pandas as pd

from churn_core.data.columns import FINE, distinct_text, parse_values
from churn_core.scoring.records.values import BLANK, category_text, parse_number_text

if TYPE_CHECKING:
    import numpy.typing as npt

    Codes = npt.NDArray[np.int64]

Storage = Literal["boolean", "integer", "float", "text", "date", "nested"]

_DATE_KINDS: Final = "mM"
_DATE_OBJECTS: Final = {"date", "datetime", "datetime64", "time", "timedelta", "timedelta64", "period"}
_NUMBER_OBJECTS: Final = {"integer", "floating", "mixed-integer-float", "decimal"}
_whole_number = re.compile(r"[+-]?[0-9]+")
_leading_zero = re.compile(r"0[0-9]+")


@dataclass(frozen=True, slots=True)
class Column:
    """The content of a column, and how the file stores it.

    Attributes
    ----------
    name : str
    storage : 'boolean', 'integer', 'float', 'text', 'date' or 'nested'
        How the file stores it; every column of a CSV file is text.
    codes : ndarray of int64, shape (rows,)
        Equal where values are equal; -1 where a value is missing (NULL, NaN or blank text). In a nested
        column all values have the code 0.
    values : list of str
        The distinct values as text, by code; empty for floats, dates and nested values.
    numbers : ndarray of float64, shape (rows,), or None
        NaN where missing or infinite; None where not every value is a number.
    number_share : float
        Share of the non-missing cells that are numbers.
    whole : bool
        Whether the file writes every number as a whole number (``3``, not ``3.0``).
    leading_zeros : bool
        Whether a number has leading zeros, which no quantity has (``00420``).
    blanks : bool
        Whether a missing cell holds blanks, not empty text.
    infinite : ndarray of bool, shape (rows,), or None
        Where a number is infinite; None if no number is.
    unfit : bool
        Whether a text is too long for a category, or not valid Unicode.
    """

    name: str
    storage: Storage
    codes: Codes
    values: list[str]
    numbers: npt.NDArray[np.float64] | None = None
    number_share: float = 0.0
    whole: bool = False
    leading_zeros: bool = False
    blanks: bool = False
    infinite: npt.NDArray[np.bool_] | None = None
    unfit: bool = False

    @property
    def missing(self) -> npt.NDArray[np.bool_]:
        """Where a value is missing."""
        return self.codes < 0

    @property
    def present(self) -> int:
        """Number of rows with a value."""
        return int(np.count_nonzero(self.codes >= 0))

    @property
    def distinct(self) -> int:
        """Number of different values."""
        return int(self.codes.max(initial=-1)) + 1

    @property
    def counts(self) -> Codes:
        """Number of rows by code."""
        return np.bincount(self.codes[self.codes >= 0], minlength=self.distinct)

    @property
    def unique(self) -> bool:
        """Whether no value is missing or repeats."""
        return self.distinct == len(self.codes)


def read_column(name: str, series: pd.Series[Any]) -> Column:
    """Read a column of a table from `churn_core.data.load_table`."""
    series = _plain(series)
    kind = str(getattr(series.dtype, "kind", "O"))
    if kind == "b":
        codes, values = _factorize(series)
        return Column(name, "boolean", codes, ["true" if value else "false" for value in values])
    if kind in "iuf" or _holds_integers(series):
        return _number_column(name, series, "float" if kind == "f" else "integer")
    if kind in _DATE_KINDS:
        return Column(name, "date", _factorize(series)[0], [])
    text = distinct_text(series)
    if text is not None:
        return _text_column(name, text.codes, text.values)
    storage: Storage = "date" if pd.api.types.infer_dtype(series, skipna=True) in _DATE_OBJECTS else "nested"
    return Column(name, storage, np.where(series.isna(), -1, 0).astype(np.int64), [])


def _plain(series: pd.Series[Any]) -> pd.Series[Any]:
    """Convert dtypes that only tables made in Python have to those of `load_table`."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        return series.astype(series.dtype.categories.dtype)
    if series.dtype == object:
        held = pd.api.types.infer_dtype(series, skipna=True)
        if held == "boolean":
            return series.astype("boolean")
        # Integers stay objects, because they may need more than 64 bits.
        if held in _NUMBER_OBJECTS and held != "integer":
            return series.astype("float64")
    return series


def _holds_integers(series: pd.Series[Any]) -> bool:
    return series.dtype == object and pd.api.types.infer_dtype(series, skipna=True) == "integer"


def _factorize(series: pd.Series[Any]) -> tuple[Codes, list[Any]]:
    codes, values = pd.factorize(series, use_na_sentinel=True)
    return codes.astype(np.int64), list(values)


def _number_column(name: str, series: pd.Series[Any], storage: Storage) -> Column:
    numbers = series.to_numpy(dtype=np.float64, na_value=np.nan)
    codes, values = _factorize(series)
    return Column(
        name,
        storage,
        codes,
        [str(value) for value in values] if storage == "integer" else [],
        numbers=_finite(numbers),
        number_share=1.0,
        whole=storage == "integer",
        infinite=_infinite(numbers),
    )


def _text_column(name: str, codes: Codes, texts: list[str]) -> Column:
    bare = [text.strip(BLANK) for text in texts]
    parsed, number_faults = parse_values(parse_number_text, bare)
    forms, category_faults = parse_values(category_text, texts)
    # Blank texts have no code. Texts that Unicode normalises to the same category share a code.
    known: dict[str, int] = {}
    by_text = [
        -1 if not text else known.setdefault(text if form is None else form, len(known))
        for text, form in zip(bare, forms, strict=True)
    ]
    is_number = number_faults == FINE
    filled = np.array([bool(text) for text in bare], dtype=np.bool_)
    # The code -1 of a missing value picks the last entry.
    present = np.append(filled, False)[codes]
    numeric = np.append(filled & is_number, False)[codes]
    written = [text for text, number in zip(bare, is_number, strict=True) if text and number]
    share = float(numeric.sum() / present.sum()) if present.any() else 0.0
    numbers = np.append(parsed.astype(np.float64), np.nan)[codes] if share == 1.0 else None
    return Column(
        name,
        "text",
        np.array([*by_text, -1], dtype=np.int64)[codes],
        list(known),
        numbers=None if numbers is None else _finite(numbers),
        number_share=share,
        infinite=None if numbers is None else _infinite(numbers),
        whole=bool(written) and all(_whole_number.fullmatch(text) for text in written),
        leading_zeros=any(_leading_zero.fullmatch(text) for text in written),
        blanks=any(text and not stripped for text, stripped in zip(texts, bare, strict=True)),
        unfit=bool((category_faults != FINE).any()),
    )


def _finite(numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.where(np.isfinite(numbers), numbers, np.nan)


def _infinite(numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_] | None:
    infinite = np.isinf(numbers)
    return infinite if infinite.any() else None
