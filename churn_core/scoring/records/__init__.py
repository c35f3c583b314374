"""Scoring of customers given as dicts: their encoding and the answers about them."""
