"""Turn the places of cells in a buffer into Arrow text, without a Python object for each cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import arro3.core as arrow
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Positions = npt.NDArray[np.int64]
    Words = npt.NDArray[np.uint64]

WORD_BYTES: Final = 8
_WIDEST: Final = 256
"""Bytes up to which the cells of a column are copied as an array of equal widths."""
_WORD_MASKS: Final = np.array([2 ** (8 * length) - 1 for length in range(WORD_BYTES + 1)], dtype=np.uint64)
"""By length, the mask of a word's first bytes."""


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
        self.content = content
        self.quote = quote
        self._quoted = quote in content
        # Copying cells of equal widths reads past the end of the last cell.
        self.bytes: npt.NDArray[np.uint8] = np.frombuffer(content + bytes(_WIDEST), dtype=np.uint8)
        self._pairs = self._quote_pairs() if self._quoted and quote * 2 in content else None

    def _quote_pairs(self) -> Positions:
        is_quote = self.bytes == self.quote[0]
        return np.flatnonzero(is_quote[:-1] & is_quote[1:])

    def column(self, starts: Positions, ends: Positions) -> Cells:
        """Return a column of cells.

        Parameters
        ----------
        starts, ends : ndarray of int64
            Places of the cells with their quotes. A cell that starts with a quote ends with one.
        """
        doubled = np.zeros(0, dtype=np.int64)
        if self._quoted:
            in_quotes = (ends > starts) & (self.bytes[starts] == self.quote[0])
            starts, ends = starts + in_quotes, ends - in_quotes
            if self._pairs is not None:
                pairs = np.searchsorted(self._pairs, ends - 1) - np.searchsorted(self._pairs, starts)
                doubled = np.flatnonzero(in_quotes & (pairs > 0))
        return Cells(self, starts, ends, doubled)


class Cells:
    """A column of cells.

    Parameters
    ----------
    buffer : CellBuffer
    starts, ends : ndarray of int64
        Places of the cells without their quotes.
    doubled : ndarray of int64
        The rows whose cell has doubled quotes, ascending.
    """

    def __init__(self, buffer: CellBuffer, starts: Positions, ends: Positions, doubled: Positions) -> None:
        self._buffer = buffer
        self._starts = starts
        self.lengths = ends - starts
        self.doubled = doubled

    def __len__(self) -> int:
        return len(self.lengths)

    def take(self, rows: Positions) -> Cells:
        """Return the cells of some rows."""
        starts = self._starts[rows]
        doubled = np.flatnonzero(np.isin(rows, self.doubled))
        return Cells(self._buffer, starts, starts + self.lengths[rows], doubled)

    def word(self, number: int) -> Words:
        """Return 8 bytes of each cell, as the file has them; 0 stands for bytes behind the cell's end.

        Parameters
        ----------
        number : int
            Which word of the cell, from 0; ends within `_WIDEST` bytes.
        """
        content = self._buffer.bytes
        words: npt.NDArray[Any] = np.ndarray(len(content) - WORD_BYTES + 1, "<u8", content, 0, (1,))
        if number == 0:
            return np.asarray(words[self._starts] & _WORD_MASKS.take(self.lengths, mode="clip"))
        found = np.zeros(len(self), dtype=np.uint64)
        rest = self.lengths - number * WORD_BYTES
        rows = np.flatnonzero(rest > 0)
        masks = _WORD_MASKS.take(rest[rows], mode="clip")
        found[rows] = words[self._starts[rows] + number * WORD_BYTES] & masks
        return found

    def texts(self) -> arrow.Array:
        """Return the texts, as Arrow's utf8."""
        width = int(self.lengths.max(initial=0))
        if width > _WIDEST:
            return self._objects()
        # Width 0 is no type of numpy.
        width = max(1, width)
        content = self._buffer.bytes
        windows = np.lib.stride_tricks.as_strided(content, (len(content) - _WIDEST + 1, width), (1, 1))
        cells = windows[self._starts]
        if self.lengths.min(initial=width) < width:
            # The bytes behind the end of a cell belong to the next one.
            np.multiply(cells, np.arange(width) < self.lengths[:, None], out=cells)
        # The text has no NUL, so numpy's bytes, which end at the last byte that is not 0, are the cell.
        texts = cells.view(f"S{width}").ravel()
        quote = self._buffer.quote
        for row in self.doubled.tolist():
            texts[row] = texts[row].replace(quote * 2, quote)
        return arrow.Array.from_numpy(texts).cast(arrow.DataType.utf8())

    def _objects(self) -> arrow.Array:
        content, quote = self._buffer.content, self._buffer.quote.decode()
        texts = [
            content[start : start + length].decode()
            for start, length in zip(self._starts.tolist(), self.lengths.tolist(), strict=True)
        ]
        for row in self.doubled.tolist():
            texts[row] = texts[row].replace(quote * 2, quote)
        return arrow.Array(texts, type=arrow.DataType.utf8())
