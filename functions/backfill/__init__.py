"""Lambda function that plans, watches and finishes backfill runs over a prefix."""
