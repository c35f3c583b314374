"""The default model: a sum over columns and pairs of columns, with exact reasons."""
