"""Recognise that memory ran out, whatever library noticed it."""

from __future__ import annotations

from typing import Final

_TEXTS: Final = (
    # DuckDB, also where the Arrow bridge has made a plain exception of its error.
    "Out of Memory Error",
    "maximum total string size",
    # C++ in DuckDB and onnxruntime; pybind11 makes RuntimeError or RuntimeException of it.
    "bad_alloc",
    "bad allocation",
    "bad_array_new_length",
    "failed to allocate",
    "Cannot allocate memory",
    # Python, if there is no room for another thread's stack.
    "can't start new thread",
)
_FOLDED: Final = tuple(text.casefold() for text in _TEXTS)


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error of Python, numpy, DuckDB, Arrow or onnxruntime says that memory ran out."""
    text = str(error).casefold()
    return isinstance(error, MemoryError) or any(part in text for part in _FOLDED)
