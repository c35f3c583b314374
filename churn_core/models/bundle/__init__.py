"""The model bundle as training writes it."""
