"""Parquet structure that DuckDB does not check."""
