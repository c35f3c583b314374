"""The SQL that encodes a file's columns and writes the scored columns."""
