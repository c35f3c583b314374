"""Tables from files: CSV, JSON lines, Parquet and several files as one table."""
