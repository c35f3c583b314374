"""Derived features and missing values on tables, for exploration, with the pipeline's arithmetic."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from churn_core.features.derived import derive
from churn_core.features.encoder import TableEncoder, parse_table
from churn_core.features.engineer import FeatureEngineer
from churn_core.schema import CategoryFeature

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from churn_core.schema import Contract


def create_derived_features(table: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """Return a copy of a table with the contract's derived features added as columns.

    Parameters
    ----------
    table : DataFrame
        Raw rows; needs the contract's feature columns.
    contract : Contract
        Declares the derived features; needs no vocabularies.

    Returns
    -------
    DataFrame
        The table's columns, then one float32 column per derived feature: the number, or a bucket's interval
        number; NaN for missing.
    """
    encoder = TableEncoder(contract)
    derived = derive(encoder.fit_transform(parse_table(table, contract)), encoder.contract_)
    result = table.copy()
    for position, feature in enumerate(contract.derived):
        values = derived[:, position]
        if feature.kind == "bucket":
            values = np.where(values > len(feature.edges), np.float32(np.nan), values)
        result[feature.name] = values
    return result


def learn_fill_values(table: pd.DataFrame, contract: Contract) -> dict[str, float | str | None]:
    """Learn the values with which `FeatureEngineer` replaces missing ones.

    Returns
    -------
    dict
        By column: a number's median, or a category's most frequent value. None for a category with missing
        values in these rows, because missing then has its own level.
    """
    encoder = TableEncoder(contract)
    matrix = encoder.fit_transform(parse_table(table, contract))
    engineer = FeatureEngineer(encoder.contract_).fit(matrix)
    fill: dict[str, float | str | None] = {}
    categories = len(engineer.code_maps_)
    for position, column in enumerate(engineer.columns_):
        if column.derived is not None:
            continue
        feature = encoder.contract_.features[column.sources[0]]
        if isinstance(feature, CategoryFeature):
            code = int(engineer.code_maps_[position][feature.missing_code])
            known = np.flatnonzero(engineer.code_maps_[position][: len(feature.vocabulary)] == code)
            fill[column.name] = feature.vocabulary[known[0]] if len(known) else None
        else:
            fill[column.name] = float(engineer.fill_values_[position - categories])
    return fill


def handle_missing_values(
    table: pd.DataFrame, contract: Contract, fill_values: Mapping[str, float | str | None] | None = None
) -> pd.DataFrame:
    """Return a copy of a table with parsed feature columns and missing values replaced.

    Parameters
    ----------
    table : DataFrame
        Raw rows; needs the contract's feature columns.
    contract : Contract
        Provides the features and their kinds.
    fill_values : mapping, optional
        From `learn_fill_values` of the training rows. By default learnt from `table`, which is correct for
        training rows only.

    Returns
    -------
    DataFrame
        Numbers as float64, categories as text.
    """
    fill = learn_fill_values(table, contract) if fill_values is None else fill_values
    parsed = parse_table(table, contract)
    result = table.copy()
    for feature in contract.features:
        values = parsed[feature.name].astype(object if isinstance(feature, CategoryFeature) else np.float64)
        value = fill[feature.name]
        result[feature.name] = values if value is None else values.where(values.notna(), value)
    return result
