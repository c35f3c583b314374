"""The light half of the library, which the Lambdas ship: numpy, onnxruntime, and DuckDB for files."""
