"""The default model: additive over columns and pairs of columns, exact in its reasons."""
