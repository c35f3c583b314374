"""Comparison of scored customers with the training data."""
