"""A short way from records to the matrix, for those that hold nothing out of the ordinary.

Nearly all records are complete, with values that the model knows, within their bounds. Such records are
encoded column by column without a line of Python for each value; `RecordEncoder` decides all others, and
would say the same of these.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from churn_core.schema import MAX_TEXT_LENGTH, CategoryFeature

_MANY: Final = 8
"""Records from which on encoding them by column is the shorter way."""

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    from churn_core.schema import Contract, Feature, NumberFeature


class PlainRecords:
    """Encodes records that are complete and plain.

    Parameters
    ----------
    contract : Contract
        With vocabularies.
    """

    def __init__(self, contract: Contract) -> None:
        self._columns = [_column(feature) for feature in contract.features]
        self._encoders = [column.encode for column in self._columns]
        self._row_of = _tuple_getter(contract.names)
        self._id_of = itemgetter(contract.id_column) if contract.id_column is not None else None
        self._keys = len(contract.features) + (self._id_of is not None)

    def matrix(self, records: Sequence[Mapping[str, Any]]) -> npt.NDArray[np.float32] | None:
        """Return the encoded records, None if any of them needs a closer look.

        Returns
        -------
        ndarray of float32, shape (records, features), or None
        """
        # Each column is looked up in each record, so that one of as many keys has no other.
        if set(map(len, records)) != {self._keys}:
            return None
        try:
            if self._id_of is not None and not _plain_texts(list(map(self._id_of, records))):
                return None
            return self._by_row(records) if len(records) < _MANY else self._by_column(records)
        except (KeyError, TypeError, OverflowError):
            # A column that is not there, a value that the vocabulary does not hold, or none that could be.
            return None

    def _by_row(self, records: Sequence[Mapping[str, Any]]) -> npt.NDArray[np.float32] | None:
        rows = [
            [encode(value) for encode, value in zip(self._encoders, self._row_of(record), strict=True)]
            for record in records
        ]
        return None if any(None in row for row in rows) else np.array(rows, dtype=np.float32)

    def _by_column(self, records: Sequence[Mapping[str, Any]]) -> npt.NDArray[np.float32] | None:
        matrix = np.empty((len(records), len(self._columns)), dtype=np.float32)
        for position, column in enumerate(self._columns):
            values = column.encode_all(records)
            if values is None:
                return None
            matrix[:, position] = values
        return matrix


class _CategoryColumn:
    def __init__(self, feature: CategoryFeature) -> None:
        self._value_of = itemgetter(feature.name)
        codes: dict[Any, int] = {value: code for code, value in enumerate(feature.vocabulary)}
        # A whole number stands for its decimal text. Python takes True and 1.0 for 1, the contract does not.
        numbers = {int(text): code for text, code in codes.items() if _is_decimal(text)}
        self._types = {str, int, type(None)} if numbers else None
        missing = {None: feature.missing_code} if feature.nullable else {}
        self._code_of = (codes | numbers | missing).__getitem__
        self.encode = self._code_of if self._types is None else self._encode_if_plain

    def _encode_if_plain(self, value: Any) -> int | None:
        return self._code_of(value) if self._types is None or type(value) in self._types else None

    def encode_all(self, records: Sequence[Mapping[str, Any]]) -> npt.NDArray[np.float32] | None:
        values: Any = map(self._value_of, records)
        if self._types is not None:
            values = list(values)
            if not self._types.issuperset(map(type, values)):
                return None
        return np.fromiter(map(self._code_of, values), dtype=np.float32, count=len(records))


class _NumberColumn:
    def __init__(self, feature: NumberFeature) -> None:
        self._value_of = itemgetter(feature.name)
        self._feature = feature
        self._low, self._high = feature.minimum, feature.maximum
        self._types = {int, *([] if feature.integer else [float])}

    def encode(self, value: Any) -> float | None:
        if type(value) in self._types and self._low <= value <= self._high:
            return float(value)
        if self._feature.nullable and (value is None or (type(value) in self._types and value != value)):
            return np.nan
        return None

    def encode_all(self, records: Sequence[Mapping[str, Any]]) -> npt.NDArray[np.float64] | None:
        values = list(map(self._value_of, records))
        types = self._types | {type(None)} if self._feature.nullable else self._types
        if not types.issuperset(map(type, values)):
            return None
        numbers = np.array(values, dtype=np.float64)
        allowed = (numbers >= self._low) & (numbers <= self._high)
        if self._feature.nullable:
            allowed |= np.isnan(numbers)
        return numbers if allowed.all() else None


def _tuple_getter(names: tuple[str, ...]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    """Return what looks up several keys at once; `itemgetter` of one key gives no tuple."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda record: tuple(record[name] for name in names)


def _column(feature: Feature) -> _CategoryColumn | _NumberColumn:
    return _CategoryColumn(feature) if isinstance(feature, CategoryFeature) else _NumberColumn(feature)


def _is_decimal(text: str) -> bool:
    return text.removeprefix("-").isascii() and text.removeprefix("-").isdigit() and str(int(text)) == text


def _plain_texts(values: list[Any]) -> bool:
    """Tell whether all are text that may be echoed as it is."""
    if not {str}.issuperset(map(type, values)):
        return False
    together = "".join(values)
    return together.isascii() and together.isprintable() and max(map(len, values)) <= MAX_TEXT_LENGTH
