"""The batch half: a Parquet object in, one complete Parquet object out."""
