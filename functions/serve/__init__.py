"""The score function's API under a local web server."""
