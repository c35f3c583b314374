"""The images of compose.yaml."""
