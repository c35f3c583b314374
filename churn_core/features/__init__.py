"""Feature engineering: the same in training, in cross-validation and in the exported graphs."""

from churn_core.features.encoder import TableEncoder, parse_table
from churn_core.features.engineer import FeatureEngineer
from churn_core.features.tables import create_derived_features, handle_missing_values, learn_fill_values

__all__ = [
    "FeatureEngineer",
    "TableEncoder",
    "create_derived_features",
    "handle_missing_values",
    "learn_fill_values",
    "parse_table",
]
