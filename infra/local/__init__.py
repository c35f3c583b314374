"""The whole stack on this machine, without AWS and without Docker."""
