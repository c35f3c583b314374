"""Traps: leaks, replicated rows and orders that make a model look better than it is."""
