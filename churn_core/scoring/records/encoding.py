"""Python values to the encoded matrix: one float32 row for each customer.

A category value becomes its position in the vocabulary; the two codes after the vocabulary stand for an
unknown and a missing value. A number is parsed as float64 and rounded once, to float32; NaN means missing.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from churn_core.errors import EXTRA_KEY_CODE, ValueFault
from churn_core.schema import CategoryFeature, NumberFeature
from churn_core.scoring.records.values import (
    ValueRefusedError,
    answered_id,
    encode_category,
    encode_number,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from churn_core.schema import Contract

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
        self._known_keys = {*contract.names, *([contract.id_column] if contract.id_column else [])}
        self._columns: dict[str, _Column] = {
            feature.name: _NumberColumn(feature)
            if isinstance(feature, NumberFeature)
            else _CategoryColumn(feature)
            for feature in contract.features
        }

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
        """Encode `rows` customers given column by column; each feature's name must be a key."""
        faults: list[ValueFault] = []
        encoded = [column.encode(columns[name], faults) for name, column in self._columns.items()]
        faults.sort(key=lambda fault: fault.record)
        by_column = np.array(encoded, dtype=np.float32).reshape(len(self._columns), rows)
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
    """Find ids that `answered_id` refuses."""
    faults: list[ValueFault] = []
    for number, value in enumerate(ids):
        try:
            answered_id(value)
        except ValueRefusedError as refused:
            faults.append(ValueFault(number, name, refused.code))
    return faults


class _Column(ABC):
    """Encodes the values of one feature.

    Parameters
    ----------
    name : str
        The feature's name.
    faulty : float
        The matrix holds this in place of a refused value.
    """

    def __init__(self, name: str, faulty: float) -> None:
        self._name = name
        self._faulty = faulty

    def encode(self, values: Sequence[Any], faults: list[ValueFault]) -> npt.ArrayLike:
        """Encode values, and append the faults of refused values to `faults`."""
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
    def __init__(self, feature: NumberFeature) -> None:
        super().__init__(feature.name, math.nan)
        self._feature = feature
        self._plain_types = {
            int,
            *([] if feature.integer else [float]),
            *([type(None)] if feature.nullable else []),
        }

    def _encode_value(self, value: Any) -> float:
        return encode_number(value, self._feature)

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

    def _encode_value(self, value: Any) -> int:
        return encode_category(value, self._feature, self._codes)

    def _encode_plain(self, values: Sequence[Any]) -> npt.NDArray[np.floating] | None:
        codes: dict[Any, int] = self._codes
        try:
            return np.fromiter(map(codes.__getitem__, values), np.float32, len(values))
        except (KeyError, TypeError):
            # Equal values of these types have equal codes. 1, 1.0 and True are equal with different codes.
            if not {str, int, type(None)}.issuperset(map(type, values)):
                return None
        try:
            codes = {value: self._encode_value(value) for value in set(values)}
        except ValueRefusedError:
            return None
        return np.fromiter(map(codes.__getitem__, values), np.float32, len(values))
