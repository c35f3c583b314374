"""The online API: scores customers with a probability, a decision and reasons."""
