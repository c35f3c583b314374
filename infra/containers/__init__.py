"""Images of compose.yaml."""
