"""Lambda function that scores a Parquet object into one complete Parquet object."""
