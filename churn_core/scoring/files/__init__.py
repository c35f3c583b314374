"""Scoring of Parquet files: customers in, scores out."""
