"""Turn the places of cells in a buffer into Arrow text, without a Python object for each cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import arro3.core as arrow
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Positions = npt.NDArray[np.int64]

_WIDEST: Final = 256
"""Bytes up to which the cells of a column are copied as an array of equal widths."""


class CellBuffer:
    """The content of a buffer, from which columns of cells are taken.

    Parameters
    ----------
    content : bytes
        UTF-8 without NUL.
    quote : bytes
        One byte.
    """

    def __init__(self, content: bytes, quote: bytes) -> None:
        self._content = content
        self._quote = quote
        # Copying cells of equal widths reads past the end of the last cell.
        padded = np.frombuffer(content + bytes(_WIDEST), dtype=np.uint8)
        self._bytes = padded
        self._quoted = quote in content
        self._pairs = self._quote_pairs() if quote * 2 in content else None

    def _quote_pairs(self) -> Positions:
        is_quote = self._bytes == self._quote[0]
        return np.flatnonzero(is_quote[:-1] & is_quote[1:])

    def column(self, starts: Positions, ends: Positions) -> arrow.Array:
        """Return the texts of cells, as Arrow's utf8.

        Parameters
        ----------
        starts, ends : ndarray of int64
            Places of the cells with their quotes. A cell that starts with a quote ends with one.
        """
        doubled = np.zeros(0, dtype=np.int64)
        if self._quoted:
            in_quotes = (ends > starts) & (self._bytes[starts] == self._quote[0])
            starts, ends = starts + in_quotes, ends - in_quotes
            if self._pairs is not None:
                pairs = np.searchsorted(self._pairs, ends - 1) - np.searchsorted(self._pairs, starts)
                doubled = np.flatnonzero(in_quotes & (pairs > 0))
        lengths = ends - starts
        width = int(lengths.max(initial=0))
        if width > _WIDEST:
            return self._objects(starts, ends, doubled)
        # Width 0 is no type of numpy.
        width = max(1, width)
        windows = np.lib.stride_tricks.as_strided(self._bytes, (len(self._content) + 1, width), (1, 1))
        cells = windows[starts]
        if lengths.min(initial=width) < width:
            # The bytes behind the end of a cell belong to the next one.
            np.multiply(cells, np.arange(width) < lengths[:, None], out=cells)
        # The text has no NUL, so numpy's bytes, which end at the last byte that is not 0, are the cell.
        texts = cells.view(f"S{width}").ravel()
        for row in doubled.tolist():
            texts[row] = texts[row].replace(self._quote * 2, self._quote)
        return arrow.Array.from_numpy(texts).cast(arrow.DataType.utf8())

    def _objects(self, starts: Positions, ends: Positions, doubled: Positions) -> arrow.Array:
        texts = [
            self._content[start:end].decode()
            for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
        ]
        quote = self._quote.decode()
        for row in doubled.tolist():
            texts[row] = texts[row].replace(quote * 2, quote)
        return arrow.Array(texts, type=arrow.DataType.utf8())
