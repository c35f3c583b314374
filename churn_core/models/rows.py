"""Labelled rows, ready for training: the features, labels and groups of the same customers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from churn_core.data import validate_data
from churn_core.data.columns import distinct_text, kept_rows, target_labels
from churn_core.errors import DataError
from churn_core.features import parse_table
from churn_core.schema import EQUAL_ROWS
from churn_core.scoring.records.values import BLANK

if TYPE_CHECKING:
    import numpy.typing as npt

    from churn_core.config import Settings
    from churn_core.schema import Contract

    Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class LabelledRows:
    """Customers to train on or to measure with.

    Attributes
    ----------
    features : DataFrame
        As `churn_core.features.parse_table` returns them.
    labels : ndarray of int64, shape (rows,)
        1 for a customer who left.
    groups : ndarray of int64, shape (rows,), or None
        From `group_codes`; rows with equal codes stay on one side of every split.
    """

    features: pd.DataFrame
    labels: Indices
    groups: Indices | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def with_equal_rows_together(self) -> LabelledRows:
        """Return the same rows, grouped by equal features."""
        return LabelledRows(self.features, self.labels, equal_row_codes(self.features))

    def take(self, positions: Indices) -> LabelledRows:
        """Return the rows at these positions, in this order."""
        groups = None if self.groups is None else self.groups[positions]
        return LabelledRows(self.features.iloc[positions], self.labels[positions], groups)


def read_labelled_rows(table: pd.DataFrame, settings: Settings) -> LabelledRows:
    """Validate a labelled table, and parse its features, labels and groups.

    Raises
    ------
    DataValidationError
        If the table breaks the data contract.
    DataError
        If the group column is missing or holds nested values.
    """
    contract = settings.contract
    validate_data(table, contract, ids_repeat=settings.data.ids_repeat).raise_for_errors()
    labels = target_labels(table[contract.target], contract)
    features = parse_table(table, contract)
    if settings.data.group == EQUAL_ROWS:
        return LabelledRows(features, labels, equal_row_codes(features))
    return LabelledRows(features, labels, group_codes(table, settings.data.group))


def labelled_positions(table: pd.DataFrame, contract: Contract) -> Indices:
    """Return the positions of a table's rows, without those whose label the contract excludes."""
    if not contract.excluded or list(table.columns).count(contract.target) != 1:
        return np.arange(len(table))
    return kept_rows(table[contract.target], contract)


def equal_row_codes(features: pd.DataFrame) -> Indices:
    """Number the rows so that rows with equal values in every feature have equal numbers."""
    hashes = pd.util.hash_pandas_object(features, index=False).to_numpy()
    return np.unique(hashes, return_inverse=True)[1].astype(np.int64)


def group_codes(table: pd.DataFrame, column: str | None) -> Indices | None:
    """Number the groups of a table.

    Parameters
    ----------
    table : DataFrame
    column : str or None
        The configuration's ``data.group``.

    Returns
    -------
    ndarray of int64, shape (rows,), or None
        Equal where the column's values are equal. Each missing value (NULL or blank text) is a group of
        its own. None without a group column.

    Raises
    ------
    DataError
        If the column is missing or holds nested values.
    """
    if column is None:
        return None
    if column not in table.columns:
        raise DataError(f"Column {column!r} (data.group) is not in the table; add it, or change data.group.")
    series = table[column]
    text = distinct_text(series)
    if text is not None:
        blank = np.array([not value.strip(BLANK) for value in text.values] + [True])
        codes = np.where(blank[text.codes], -1, text.codes)
    else:
        try:
            codes = pd.factorize(series)[0].astype(np.int64)
        except TypeError:
            raise DataError(
                f"Column {column!r} (data.group) holds nested values; set data.group to a column of plain"
                " values."
            ) from None
    missing = codes < 0
    codes[missing] = codes.max(initial=-1) + 1 + np.arange(int(missing.sum()))
    return codes
