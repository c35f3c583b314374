"""Python values to the encoded matrix: one float32 row for each customer.

A category value becomes its position in the vocabulary; the two codes after the vocabulary stand for an
unknown and a missing value. A number is parsed as float64 and rounded once, to float32; NaN means missing.
The days between two dates are a number, computed from the columns of the dates.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from churn_core.errors import EXTRA_KEY_CODE, ValueFault
from churn_core.schema import CategoryFeature
from churn_core.scoring.day_numbers import parse_fixed_day
from churn_core.scoring.records.categories import encode_category
from churn_core.scoring.records.dates import DateReader
from churn_core.scoring.records.number_text import NumberText
from churn_core.scoring.records.values import ValueRefusedError, category_text, encode_number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from churn_core.reader_rules import TextRules
    from churn_core.schema import Contract, DaysBetween, Feature, NumberFeature

_MANY: Final = 8
"""From this many values on, numpy is faster than one Python call for each value."""


@dataclass(frozen=True, slots=True)
class EncodedRecords:
    """Encoded records and what is wrong with them.

    Attributes
    ----------
    matrix : ndarray of float32, shape (records, features)
        Columns in contract order; a faulty value is NaN or the missing code.
    faults : list of ValueFault
        In record order, then contract order; empty when every record can be scored.
    """

    matrix: npt.NDArray[np.float32]
    faults: list[ValueFault]


class RecordEncoder:
    """Encodes records and columns of Python values.

    Parameters
    ----------
    contract : Contract
        With the vocabularies that training learnt.
    """

    def __init__(self, contract: Contract) -> None:
        self._id_column = contract.id_column
        self._known_keys = {*contract.columns, *([contract.id_column] if contract.id_column else [])}
        self._features = [_encoder_of(feature, contract.reader.text) for feature in contract.features]

    def encode_records(self, records: Sequence[Mapping[str, Any]]) -> EncodedRecords:
        """Encode customers given as mappings from column to value.

        A nullable column may be left out. A key that is neither a feature nor the id is a fault
        ``extra_forbidden`` at its position, so that a misspelt column is not silently ignored.
        """
        try:
            columns = {name: list(map(itemgetter(name), records)) for name in self._known_keys}
            complete = True
        except KeyError:
            complete = False
            columns = {name: [record.get(name) for record in records] for name in self._known_keys}
        encoded = self.encode_columns(columns, len(records))
        if self._id_column is not None:
            encoded.faults[:0] = _id_faults(self._id_column, columns[self._id_column])
        # A record that has every known key, and as many keys, has no other.
        if not complete or {*map(len, records)} != {len(self._known_keys)}:
            encoded.faults.extend(self._extra_key_faults(records))
        encoded.faults.sort(key=lambda fault: fault.record)
        return encoded

    def encode_columns(self, columns: Mapping[str, Sequence[Any]], rows: int) -> EncodedRecords:
        """Encode `rows` customers given column by column; each column of the contract must be a key."""
        faults: list[ValueFault] = []
        encoded = [feature.encode(columns, faults) for feature in self._features]
        # Several features may be computed from one date.
        faults = sorted(dict.fromkeys(faults), key=lambda fault: fault.record)
        by_column = np.array(encoded, dtype=np.float32).reshape(len(self._features), rows)
        return EncodedRecords(np.ascontiguousarray(by_column.T), faults)

    def _extra_key_faults(self, records: Sequence[Mapping[str, Any]]) -> list[ValueFault]:
        return [
            ValueFault(number, position, EXTRA_KEY_CODE)
            for number, record in enumerate(records)
            if not self._known_keys.issuperset(record)
            for position, key in enumerate(record)
            if key not in self._known_keys
        ]


def _id_faults(name: str, ids: Sequence[Any]) -> list[ValueFault]:
    """Find ids that JSON can't represent or that are longer than a text may be."""
    faults: list[ValueFault] = []
    for number, value in enumerate(ids):
        if isinstance(value, float):
            if not math.isfinite(value):
                faults.append(ValueFault(number, name, "not_finite"))
            continue
        try:
            category_text(value)
        except ValueRefusedError as refused:
            faults.append(ValueFault(number, name, refused.code))
    return faults


class _Column(ABC):
    """Encodes the values of one column.

    Parameters
    ----------
    name : str
        The column's name.
    faulty : float
        The matrix holds this in place of a refused value.
    """

    def __init__(self, name: str, faulty: float) -> None:
        self._name = name
        self._faulty = faulty

    def encode(self, columns: Mapping[str, Sequence[Any]], faults: list[ValueFault]) -> npt.ArrayLike:
        """Encode the column's values, and append the faults of refused values to `faults`."""
        values = columns[self._name]
        if len(values) >= _MANY:
            together = self._encode_plain(values)
            if together is not None:
                return together
        encoded: list[float] = []
        for row, value in enumerate(values):
            try:
                encoded.append(self._encode_value(value))
            except ValueRefusedError as refused:
                faults.append(ValueFault(row, self._name, refused.code))
                encoded.append(self._faulty)
        return encoded

    @abstractmethod
    def _encode_value(self, value: Any) -> float:
        """Encode one value, or raise `ValueRefusedError`."""

    @abstractmethod
    def _encode_plain(self, values: Sequence[Any]) -> npt.NDArray[np.floating] | None:
        """Encode many values at once, or return None if any of them needs `_encode_value`."""


class _NumberColumn(_Column):
    def __init__(self, feature: NumberFeature, text: NumberText) -> None:
        super().__init__(feature.name, math.nan)
        self._feature = feature
        self._text = text
        self._plain_types = {
            int,
            *([] if feature.integer else [float]),
            *([type(None)] if feature.nullable else []),
        }

    def _encode_value(self, value: Any) -> float:
        return encode_number(value, self._feature, self._text)

    def _encode_plain(self, values: Sequence[Any]) -> npt.NDArray[np.floating] | None:
        if not self._plain_types.issuperset(map(type, values)):
            return None
        try:
            numbers = np.array(values, dtype=np.float64)
        except OverflowError:
            return None
        allowed = (numbers >= self._feature.minimum) & (numbers <= self._feature.maximum)
        if self._feature.nullable:
            allowed |= np.isnan(numbers)
        return numbers if allowed.all() else None


class _CategoryColumn(_Column):
    def __init__(self, feature: CategoryFeature) -> None:
        super().__init__(feature.name, feature.missing_code)
        self._feature = feature
        self._codes = {value: code for code, value in enumerate(feature.vocabulary)}
        # Equal values of these types have equal codes. As text, 1, 1.0 and True have different codes.
        self._equal_types = {str, int, type(None), *([] if feature.values == "text" else [bool, float])}

    def _encode_value(self, value: Any) -> int:
        return encode_category(value, self._feature, self._codes)

    def _encode_plain(self, values: Sequence[Any]) -> npt.NDArray[np.floating] | None:
        codes: dict[Any, int] = self._codes
        try:
            return np.fromiter(map(codes.__getitem__, values), np.float32, len(values))
        except (KeyError, TypeError):
            if not self._equal_types.issuperset(map(type, values)):
                return None
        try:
            codes = {value: self._encode_value(value) for value in set(values)}
        except ValueRefusedError:
            return None
        return np.fromiter(map(codes.__getitem__, values), np.float32, len(values))


class _DateColumn(_Column):
    """Reads dates as UTC days, counted from 1970-01-01; NaN where one is missing."""

    def __init__(self, name: str, rules: TextRules, *, nullable: bool) -> None:
        super().__init__(name, math.nan)
        self._reader = DateReader(name, rules)
        self._nullable = nullable

    def _encode_value(self, value: Any) -> float:
        day = self._reader.read(value)
        if day != day and not self._nullable:
            raise ValueRefusedError("missing")
        return day

    def _encode_plain(self, values: Sequence[Any]) -> npt.NDArray[np.floating] | None:
        if not {str, type(None)}.issuperset(map(type, values)):
            return None
        try:
            days = {value: self._encode_value(value) for value in set(values)}
        except ValueRefusedError:
            return None
        return np.fromiter(map(days.__getitem__, values), np.float64, len(values))


class _DaysColumn:
    """Computes the days between the dates of two columns, or of a column and a fixed day."""

    def __init__(self, days: DaysBetween, rules: TextRules, *, nullable: bool) -> None:
        self._dates = [_DateColumn(name, rules, nullable=nullable) for name in days.columns]
        self._fixed_day = parse_fixed_day(days.end) if days.end_is_day else None

    def encode(self, columns: Mapping[str, Sequence[Any]], faults: list[ValueFault]) -> npt.ArrayLike:
        """Compute the days, and append the faults of refused dates to `faults`."""
        start, *end = (np.asarray(date.encode(columns, faults), dtype=np.float64) for date in self._dates)
        return (end[0] if self._fixed_day is None else self._fixed_day) - start


def _encoder_of(feature: Feature, rules: TextRules) -> _Column | _DaysColumn:
    if isinstance(feature, CategoryFeature):
        return _CategoryColumn(feature)
    if feature.days is not None:
        return _DaysColumn(feature.days, rules, nullable=feature.nullable)
    return _NumberColumn(feature, NumberText(rules, feature.signs))
