"""Find the records and cells of CSV text in one numpy pass over a buffer.

A record ends at LF, CR LF or CR outside of quotes; empty lines are no records. A cell may be in quotes: then
it may hold delimiters and line ends, and a quote in it is doubled. Where the quotes of a record are wrong,
or where it is longer than `MAX_RECORD_BYTES`, its first line alone is a malformed record, and the next line
begins a new one. So a quote that is never closed costs one line, not the rest of the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Positions = npt.NDArray[np.int64]
    Bytes = npt.NDArray[np.uint8]

MAX_RECORD_BYTES: Final = 2**20
"""Longest record in bytes of UTF-8."""

_LF, _CR = 10, 13
_SMALLEST_WINDOW: Final = 4_096
"""Bytes that are searched after a malformed record, and four times as many each time after that. So many
malformed records in a buffer do not cause as many passes over the whole buffer."""

BAD_CELLS: Final = -1
"""Instead of the number of cells: the record's quotes are wrong, or it is too long."""


@dataclass(frozen=True, slots=True)
class Records:
    """The whole records at the start of a buffer.

    Attributes
    ----------
    cell_starts, cell_ends : ndarray of int64
        Place of each cell in the buffer, with its quotes.
    first_cells : ndarray of int64, one per record
        Position of the record's first cell in the two arrays above.
    widths : ndarray of int64, one per record
        Number of cells, or `BAD_CELLS`.
    starts, ends : ndarray of int64, one per record
        Place of the record, without its line end.
    used : int
        Bytes of the buffer up to the end of the last record; the others belong to the next record.
    """

    cell_starts: Positions
    cell_ends: Positions
    first_cells: Positions
    widths: Positions
    starts: Positions
    ends: Positions
    used: int


@dataclass(slots=True)
class _Window:
    """What one pass over a window found, in places of the buffer; `bad` is the start of a bad record."""

    cell_starts: Positions
    cell_ends: Positions
    last_cells: Positions
    used: int
    bad: int | None


def find_records(buffer: bytes, delimiter: bytes, quote: bytes, *, final: bool) -> Records:
    """Find the records of a buffer.

    Parameters
    ----------
    buffer : bytes
        UTF-8 that begins with a record.
    delimiter, quote : bytes
        One byte each.
    final : bool
        Whether the file ends with this buffer; then the buffer must end with a line end.
    """
    found = _Collected()
    content = np.frombuffer(buffer, dtype=np.uint8)
    marks = (delimiter[0], quote[0])
    at, window = 0, len(buffer)
    while at < len(buffer):
        end = min(len(buffer), at + window)
        part = _pass(content, at, end, marks, quoted=buffer.find(quote, at, end) >= 0)
        bad = part.bad
        if bad is None and end == len(buffer) and (final or end - part.used > MAX_RECORD_BYTES):
            # A quote is not closed, or the record is too long.
            bad = part.used if part.used < end else None
        found.add(part)
        at = part.used
        if bad is not None:
            line_end = _line_end(buffer, bad)
            if line_end < 0:
                break
            found.add_bad(bad, line_end)
            at, window = line_end + 1, _SMALLEST_WINDOW
        elif end == len(buffer):
            break
        else:
            window *= 4
    return found.records(at)


def _pass(content: Bytes, start: int, end: int, marks: tuple[int, int], *, quoted: bool) -> _Window:
    """Find the records in ``content[start:end]``, up to the first one that is bad."""
    part = content[start:end]
    breaks = part == marks[0]
    breaks |= part == _LF
    breaks |= part == _CR
    bad_quote = len(part)
    if quoted:
        is_quote = part == marks[1]
        inside = np.bitwise_xor.accumulate(is_quote.view(np.uint8)).view(np.bool_)
        breaks &= ~inside
        bad_quote = _first_bad_quote(breaks, is_quote, inside)
    ends = np.flatnonzero(breaks)
    if bad_quote < len(part):
        ends = ends[: np.searchsorted(ends, bad_quote)]
    last_cells = np.flatnonzero(part[ends] != marks[0])
    bad = bad_quote < len(part)
    ends = ends[: last_cells[-1] + 1] if len(last_cells) else ends[:0]
    lengths = np.diff(ends[last_cells], prepend=-1)
    if lengths.max(initial=0) > MAX_RECORD_BYTES + 1:
        bad = True
        last_cells = last_cells[: np.argmax(lengths > MAX_RECORD_BYTES + 1)]
        ends = ends[: last_cells[-1] + 1] if len(last_cells) else ends[:0]
    starts = np.empty_like(ends)
    if len(ends):
        starts[0] = 0
        starts[1:] = ends[:-1] + 1
    # In place, because memory for another array of this size costs more than the additions.
    starts += start
    ends += start
    used = int(ends[-1]) + 1 if len(ends) else start
    return _Window(starts, ends, last_cells, used, used if bad else None)


def _first_bad_quote(
    breaks: npt.NDArray[np.bool_], is_quote: npt.NDArray[np.bool_], inside: npt.NDArray[np.bool_]
) -> int:
    """Return the place of the first quote that neither begins nor ends a cell nor is doubled in one."""
    quotes = np.flatnonzero(is_quote)
    opens = inside[quotes]
    last = len(is_quote) - 1
    before, after = np.maximum(quotes - 1, 0), np.minimum(quotes + 1, last)
    # A neighbour that is a quote makes a pair: outside of a cell in quotes the pair's first quote is bad.
    fine_open = (quotes == 0) | breaks[before] | is_quote[before]
    fine_close = (quotes == last) | breaks[after] | is_quote[after]
    bad = ~np.where(opens, fine_open, fine_close)
    return int(quotes[np.argmax(bad)]) if bad.any() else len(is_quote)


def _line_end(buffer: bytes, start: int) -> int:
    """Return the place of the first line end from `start`; -1 if there is none."""
    feed = buffer.find(b"\n", start)
    carriage = buffer.find(b"\r", start, feed if feed >= 0 else len(buffer))
    return carriage if carriage >= 0 else feed


class _Collected:
    """The records of a buffer, window by window."""

    def __init__(self) -> None:
        self._cell_starts: list[Positions] = []
        self._cell_ends: list[Positions] = []
        self._by_record: list[tuple[Positions, ...]] = []
        self._cells = 0

    def add(self, part: _Window) -> None:
        last = part.last_cells
        if not len(last):
            return
        first = np.empty_like(last)
        first[0], first[1:] = 0, last[:-1] + 1
        starts, ends = part.cell_starts[first], part.cell_ends[last]
        filled = starts < ends
        if not filled.all():
            first, last, starts, ends = first[filled], last[filled], starts[filled], ends[filled]
        self._by_record.append((first + self._cells, last - first + 1, starts, ends))
        self._cell_starts.append(part.cell_starts)
        self._cell_ends.append(part.cell_ends)
        self._cells += len(part.cell_starts)

    def add_bad(self, start: int, end: int) -> None:
        record: tuple[Any, ...] = (self._cells, BAD_CELLS, start, end)
        self._by_record.append(tuple(np.array([value], dtype=np.int64) for value in record))

    def records(self, used: int) -> Records:
        none = np.zeros(0, dtype=np.int64)
        first, widths, starts, ends = (
            (_joined(parts) for parts in zip(*self._by_record, strict=True))
            if self._by_record
            else (none, none, none, none)
        )
        cell_starts = _joined(self._cell_starts) if self._cell_starts else none
        cell_ends = _joined(self._cell_ends) if self._cell_ends else none
        return Records(cell_starts, cell_ends, first, widths, starts, ends, used)


def _joined(parts: Sequence[Positions]) -> Positions:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
