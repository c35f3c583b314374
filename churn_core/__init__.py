"""Train a churn model on any table, prove its ONNX export, score it anywhere.

This module imports nothing heavy: the half of the library that ships in the Lambdas
(`schema`, `errors`, `scoring`) needs numpy, onnxruntime and, for batch, DuckDB alone.
"""

__version__ = "0.1.0"
