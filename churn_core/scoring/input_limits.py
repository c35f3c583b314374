"""The most that an untrusted file of customers may hold."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InputLimits:
    """The most that a file may hold; a Parquet file is judged by its footer.

    Parameters
    ----------
    rows, columns, row_groups : int
        Maximum counts, inclusive.
    nesting : int
        Maximum levels of columns within columns.
    uncompressed_bytes : int
        Maximum size of the content without compression.
    expansion : int
        Maximum ratio of that size to the file's size.
    """

    rows: int = 200_000_000
    columns: int = 1_000
    row_groups: int = 4_096
    nesting: int = 64
    uncompressed_bytes: int = 20 * 2**30
    expansion: int = 200

    def most_bytes(self, file_bytes: int) -> int:
        """Return how many bytes the content of a file of `file_bytes` may have without compression."""
        return min(self.uncompressed_bytes, self.expansion * max(file_bytes, 2**20))
