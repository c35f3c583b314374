"""The online half: one customer in, a probability, a decision and its reasons out."""
