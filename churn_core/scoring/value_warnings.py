"""Values that are scored although the model did not expect them.

There are three kinds. ``unknown`` is a category that training never saw. ``missing`` is a missing value in a
column without missing values in training. ``unexpected`` is a number outside the range that the configuration
expects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from churn_core.schema import CategoryFeature

if TYPE_CHECKING:
    import numpy.typing as npt

    from churn_core.schema import Contract

WarningKind = Literal["unknown", "missing", "unexpected"]
"""One of `churn_core.errors.WARNING_KINDS`."""


class ColumnWarning(NamedTuple):
    """The rows of a batch in which one column has an unexpected value of one kind."""

    kind: WarningKind
    name: str
    rows: npt.NDArray[np.bool_]


class ValueWarnings:
    """Finds the unexpected values of encoded rows.

    Parameters
    ----------
    contract : Contract
        With vocabularies.
    """

    def __init__(self, contract: Contract) -> None:
        self._names = contract.names
        # No value equals NaN, and none is beyond infinity: such an entry never warns.
        self._unknown = np.full(len(contract.features), np.nan, dtype=np.float32)
        self._missing = np.full(len(contract.features), np.nan, dtype=np.float32)
        self._low = np.full(len(contract.features), -np.inf, dtype=np.float32)
        self._high = np.full(len(contract.features), np.inf, dtype=np.float32)
        for position, feature in enumerate(contract.features):
            if isinstance(feature, CategoryFeature):
                self._unknown[position] = feature.unknown_code
                if not feature.nullable and not feature.required:
                    self._missing[position] = feature.missing_code
            elif feature.expected is not None:
                self._low[position], self._high[position] = feature.expected
        self._warned = [
            bool(np.isfinite([self._unknown[p], self._missing[p], self._low[p], self._high[p]]).any())
            for p in range(len(self._names))
        ]

    def of_rows(self, matrix: npt.NDArray[np.float32]) -> list[tuple[int, str]]:
        """Return (row, column name) of each unexpected value, in row order, then contract order.

        Parameters
        ----------
        matrix : ndarray of float32, shape (rows, features)
        """
        odd = matrix == self._unknown
        odd |= matrix == self._missing
        odd |= matrix < self._low
        odd |= matrix > self._high
        return [(row, self._names[position]) for row, position in np.argwhere(odd).tolist()]

    def of_column(self, position: int, values: npt.NDArray[np.float32]) -> list[ColumnWarning]:
        """Return the unexpected values of one encoded column, by kind.

        Parameters
        ----------
        position : int
            Of the feature in the contract.
        values : ndarray of float32, shape (rows,)
        """
        if not self._warned[position]:
            return []
        masks: dict[WarningKind, npt.NDArray[np.bool_]]
        if np.isfinite(self._low[position]):
            masks = {"unexpected": (values < self._low[position]) | (values > self._high[position])}
        else:
            masks = {
                "unknown": values == self._unknown[position],
                "missing": values == self._missing[position],
            }
        name = self._names[position]
        return [ColumnWarning(kind, name, rows) for kind, rows in masks.items() if rows.any()]
