"""The encoding of text files, in which each distinct value of a column is encoded once."""
