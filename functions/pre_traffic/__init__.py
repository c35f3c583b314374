"""The deployment's hook: a new version of the score function scores golden rows before it takes requests."""
