"""Feature engineering, identical in training, cross-validation and the exported graphs."""

from churn_core.features.encoder import TableEncoder, encode_table, parse_table
from churn_core.features.engineer import FeatureEngineer
from churn_core.features.tables import create_derived_features, handle_missing_values, learn_fill_values

__all__ = [
    "FeatureEngineer",
    "TableEncoder",
    "create_derived_features",
    "encode_table",
    "handle_missing_values",
    "learn_fill_values",
    "parse_table",
]
