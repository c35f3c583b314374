"""Drift of scored customers against the training data."""
