"""Customers as dicts: encoded for the scoring graph, and answered."""
