"""Tables: read them, check them against the data contract, make sample ones."""

from churn_core.data.generation import generate_sample_data, write_sample_data
from churn_core.data.loading import load_csv, load_parquet, load_table
from churn_core.data.validation import DataValidationError, ValidationReport, validate_data

__all__ = [
    "DataValidationError",
    "ValidationReport",
    "generate_sample_data",
    "load_csv",
    "load_parquet",
    "load_table",
    "validate_data",
    "write_sample_data",
]
