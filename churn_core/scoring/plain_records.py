"""A short way from records to the matrix, for those that hold nothing out of the ordinary.

Nearly all records are complete, with values that the model knows, within their bounds. Such records are
encoded column by column without a line of Python for each value; `RecordEncoder` decides all others, and
would say the same of these.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from churn_core.schema import MAX_TEXT_LENGTH, CategoryFeature

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
        matrix = np.empty((len(records), len(self._columns)), dtype=np.float32)
        try:
            if self._id_of is not None and not _plain_texts(list(map(self._id_of, records))):
                return None
            for position, column in enumerate(self._columns):
                values = column.values(records)
                if values is None:
                    return None
                matrix[:, position] = values
        except (KeyError, TypeError, OverflowError):
            # A column that is not there, a value that the vocabulary does not hold, or none that could be.
            return None
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

    def values(self, records: Sequence[Mapping[str, Any]]) -> npt.NDArray[np.float32] | None:
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
        self._types = {
            int,
            *([] if feature.integer else [float]),
            *([type(None)] if feature.nullable else []),
        }

    def values(self, records: Sequence[Mapping[str, Any]]) -> npt.NDArray[np.float64] | None:
        values = list(map(self._value_of, records))
        if not self._types.issuperset(map(type, values)):
            return None
        numbers = np.array(values, dtype=np.float64)
        allowed = (numbers >= self._feature.minimum) & (numbers <= self._feature.maximum)
        if self._feature.nullable:
            allowed |= np.isnan(numbers)
        return numbers if allowed.all() else None


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
