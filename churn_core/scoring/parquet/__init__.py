"""Checks of Parquet files that DuckDB does not make, and their footers."""
