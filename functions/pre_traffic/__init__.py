"""The deployment hook: a new version of the score function must score the golden rows correctly first."""
