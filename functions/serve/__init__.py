"""The API of the score function under a web server of this machine."""
