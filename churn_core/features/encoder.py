"""Encode tables of raw values as a float32 matrix, with a scikit-learn transformer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

from churn_core.data.columns import parse_category_column, parse_number_column
from churn_core.data.csv_files import cells_are_text
from churn_core.data.date_columns import parse_days_column
from churn_core.schema import MAX_GROUPED_VOCABULARY, CategoryFeature

if TYPE_CHECKING:
    import numpy.typing as npt

    from churn_core.schema import Contract


def parse_table(table: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """Parse a table's features according to the data contract.

    Returns
    -------
    DataFrame
        The features in contract order: numbers as float64 (NaN is missing), categories as pandas
        categoricals of normalised text. Values that break the contract become missing; call
        `churn_core.data.validate_data` first to report them.
    """
    text_cells = cells_are_text(table)
    parsed: dict[str, object] = {}
    for feature in contract.features:
        if isinstance(feature, CategoryFeature):
            parsed[feature.name] = pd.Categorical(parse_category_column(table[feature.name], feature).text)
        elif feature.days is not None:
            parsed[feature.name] = parse_days_column(
                table, feature.days, contract.reader.text, nullable=feature.nullable
            )
        else:
            parsed[feature.name] = parse_number_column(
                table[feature.name], feature, text_cells=text_cells, rules=contract.reader.text
            ).values
    return pd.DataFrame(parsed)


def encode_table(table: pd.DataFrame, contract: Contract) -> npt.NDArray[np.float32]:
    """Parse and encode raw rows with a trained contract's vocabularies; float32 (rows, features)."""
    encoder = TableEncoder(contract)
    encoder.contract_ = contract
    return encoder.transform(parse_table(table, contract))


class TableEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Encodes a table parsed by `parse_table` into one float32 row per customer.

    Parameters
    ----------
    contract : Contract
        Its vocabularies are replaced by those of the training rows.

    Attributes
    ----------
    contract_ : Contract
        With the learnt vocabularies, each in code point order. The vocabulary of a category with
        `max_levels` has at most its `MAX_GROUPED_VOCABULARY` most frequent values.
    """

    def __init__(self, contract: Contract) -> None:
        self.contract = contract

    def fit(self, X: pd.DataFrame, y: object = None) -> Self:
        """Learn the vocabularies from parsed training rows; the target is not used."""
        del y
        self.contract_ = self.contract.with_vocabularies(
            {f.name: _vocabulary(X[f.name], f) for f in self.contract.categories}
        )
        self.n_features_in_ = len(self.contract.features)
        return self

    def transform(self, X: pd.DataFrame) -> npt.NDArray[np.float32]:
        """Return the encoded matrix, float32 of shape (rows, features), columns in contract order."""
        matrix = np.empty((len(X), len(self.contract_.features)), dtype=np.float32)
        for position, feature in enumerate(self.contract_.features):
            if isinstance(feature, CategoryFeature):
                matrix[:, position] = _codes(X[feature.name], feature)
            else:
                matrix[:, position] = X[feature.name].to_numpy(dtype=np.float64)
        return matrix


def _vocabulary(series: pd.Series[str], feature: CategoryFeature) -> list[str]:
    values = sorted(series.dropna().unique())
    if feature.max_levels is None or len(values) <= MAX_GROUPED_VOCABULARY:
        return values
    counts = series.value_counts()
    # The sort is stable, so of equally frequent values the first in code point order are kept.
    return sorted(sorted(values, key=lambda value: -int(counts[value]))[:MAX_GROUPED_VOCABULARY])


def _codes(series: pd.Series[str], feature: CategoryFeature) -> npt.NDArray[np.float32]:
    positions, values = pd.factorize(series)
    known = {value: code for code, value in enumerate(feature.vocabulary)}
    # pd.factorize returns -1 for a missing value, which selects the last entry.
    codes = [known.get(value, feature.unknown_code) for value in values] + [feature.missing_code]
    return np.asarray(codes, dtype=np.float32)[positions]
