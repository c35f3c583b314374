"""The half of the library that ships in the Lambdas: numpy and onnxruntime, and DuckDB for batch."""
