"""Metrics, cross-validation, and the choice of model and threshold."""
