"""Tables: reading, checks against the data contract, and sample data."""

from churn_core.data.files.csv_files import load_csv
from churn_core.data.files.parquet_files import load_parquet
from churn_core.data.generation import generate_sample_data, write_sample_data
from churn_core.data.loading import load_table
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
