"""Parquet files of customers in, Parquet files of scores out."""
