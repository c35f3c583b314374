"""Read a CSV file of a declared dialect."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import numpy as np

from churn_core.scoring.text_files.cells import CellBuffer
from churn_core.scoring.text_files.records import BAD_CELLS, MAX_RECORD_BYTES, Records, find_records
from churn_core.scoring.text_files.table import TextBatch, TextTable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    import numpy.typing as npt

    from churn_core.reader_rules import Dialect
    from churn_core.scoring.input_limits import InputLimits
    from churn_core.scoring.text_files.faults import TextFaults

_BUFFER_BYTES: Final = 2**22
"""Bytes of text that become one batch. DuckDB plans each batch anew, which takes 20 ms for 20 columns."""

_line_end: Final = re.compile(rb"\r\n|\n|\r")
_separator_line: Final = re.compile(rb'"?sep=(.)"?', re.IGNORECASE | re.DOTALL)
DELIMITER_WORDS: Final = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


class CsvTable(TextTable):
    """The rows of a CSV file; see `TextTable`.

    Parameters
    ----------
    chunks : iterator of bytes
        From `text_chunks`.
    dialect : Dialect
    faults : TextFaults
    limits : InputLimits
        Rows and columns.
    wanted : collection of str, optional
        The columns that batches have, as far as the file has them; all by default.

    Attributes
    ----------
    header : tuple of str
        All column names of the file.

    Raises
    ------
    InputFileError
        ``dialect`` if there is no header; ``too-many-columns``; those of `text_chunks`.
    """

    def __init__(
        self,
        chunks: Iterator[bytes],
        dialect: Dialect,
        faults: TextFaults,
        limits: InputLimits,
        wanted: Collection[str] | None = None,
    ) -> None:
        super().__init__(faults, limits)
        self._chunks = chunks
        self._dialect = dialect
        self._delimiter, self._quote = dialect.delimiter.encode(), dialect.quote.encode()
        self._rest = b""
        self._ended = False
        self._header_bytes = b""
        self._drop_lines(dialect.header_line - 1)
        if dialect.header_line == 1:
            self._drop_separator_line()
        self.header = self._read_header()
        self._places = [place for place, name in enumerate(self.header) if wanted is None or name in wanted]
        self.names = tuple(self.header[place] for place in self._places)

    @property
    def found(self) -> tuple[str, ...]:
        """The columns of the header."""
        return self.header

    # --- the start of the file

    def _more(self, least: int = 1) -> bool:
        """Add text to the rest until it has grown by `least` bytes; return whether it has grown."""
        parts: list[bytes] = []
        while least > 0 and not self._ended:
            chunk = next(self._chunks, None)
            if chunk is None:
                self._ended = True
                # Then the last line too has an end.
                parts.append(b"\n")
            else:
                parts.append(chunk)
                least -= len(chunk)
        self._rest = b"".join([self._rest, *parts])
        return bool(parts)

    def _first_line(self) -> int:
        """Return where the line after the first one begins; 0 if the text ends before that."""
        while True:
            found = _line_end.search(self._rest)
            # The line feed of a carriage return at the end may be still to come.
            if found and (found.end() < len(self._rest) or self._ended):
                return found.end()
            if len(self._rest) > MAX_RECORD_BYTES:
                self._rest = self._rest[-1:]
            if not self._more():
                return 0

    def _drop_lines(self, count: int) -> None:
        for _ in range(count):
            end = self._first_line()
            self._rest = self._rest[end:]

    def _drop_separator_line(self) -> None:
        end = self._first_line()
        if _separator_line.fullmatch(self._rest[:end].rstrip(b"\r\n")):
            self._rest = self._rest[end:]

    def _read_header(self) -> tuple[str, ...]:
        while True:
            found = find_records(self._rest, self._delimiter, self._quote, final=self._ended)
            if len(found.widths) or not self._more():
                break
        if not len(found.widths):
            raise self.faults.dialect("has no header; write the column names into its first line.")
        width, start, end = int(found.widths[0]), int(found.starts[0]), int(found.ends[0])
        if width == BAD_CELLS:
            raise self.faults.dialect(
                "has a header line with a quote that is not closed, or text after its closing quote; correct"
                " the line."
            )
        if width > self.limits.columns:
            raise self.faults.too_many_columns(self.limits.columns)
        cells = CellBuffer(self._rest, self._quote)
        of_header = slice(int(found.first_cells[0]), int(found.first_cells[0]) + width)
        names = cells.column(found.cell_starts[of_header], found.cell_ends[of_header]).to_pylist()
        self._header_bytes = self._rest[start:end]
        self._rest = self._rest[end:]
        return tuple(str(name) for name in names)

    def other_delimiter(self) -> str | None:
        """Return the delimiter that a header of one cell seems to have; None if there is no sign of one."""
        if len(self.header) > 1:
            return None
        others = [mark for mark in DELIMITER_WORDS if mark != self._dialect.delimiter]
        counts = {mark: self.header[0].count(mark) for mark in others}
        best = max(others, key=lambda mark: counts[mark])
        return best if counts[best] else None

    @property
    def delimiter_word(self) -> str:
        """The name of the dialect's delimiter in messages."""
        return DELIMITER_WORDS.get(self._dialect.delimiter, repr(self._dialect.delimiter))

    # --- the rows

    def batches(self) -> Iterator[TextBatch]:
        """Yield all rows; see `TextTable.batches`."""
        # Whether the text up to the next line end belongs to a record that is too long.
        skipping = False
        ended = False
        while not ended:
            self._more(max(1, _BUFFER_BYTES - len(self._rest)))
            ended = self._ended
            if skipping:
                skipping = not self._skip_line()
                if skipping:
                    continue
            found = find_records(self._rest, self._delimiter, self._quote, final=ended)
            if len(found.widths):
                yield self._batch(found)
            self._rest = self._rest[found.used :]
            if len(self._rest) > MAX_RECORD_BYTES:
                # Its first line is longer than a record may be.
                yield self._batch(_one_bad_record())
                skipping, self._rest = True, b""

    def _skip_line(self) -> bool:
        found = _line_end.search(self._rest)
        self._rest = self._rest[found.start() :] if found else b""
        return found is not None

    def _batch(self, found: Records) -> TextBatch:
        width = len(self.header)
        repeated = self._is_header(found)
        malformed = (found.widths != width) | repeated
        if malformed.any():
            self._note(found, malformed, repeated)
        self.count_rows(len(malformed))
        starts, ends = _cell_places(found, malformed, width)
        cells = CellBuffer(self._rest, self._quote)
        columns = {
            name: cells.column(np.ascontiguousarray(starts[:, place]), np.ascontiguousarray(ends[:, place]))
            for name, place in zip(self.names, self._places, strict=True)
        }
        return TextBatch(columns, malformed)

    def _is_header(self, found: Records) -> npt.NDArray[np.bool_]:
        """Return which records are the header's line again."""
        header = self._header_bytes
        same = np.asarray(found.ends - found.starts == len(header))
        if same.any() and header:
            content = np.frombuffer(self._rest, dtype=np.uint8)
            # Rows of one length are frequent, so the first and last bytes are compared before the whole.
            for place in {0, len(header) // 2, len(header) - 1}:
                candidates = np.flatnonzero(same)
                same[candidates] = content[found.starts[candidates] + place] == header[place]
            for record in np.flatnonzero(same).tolist():
                start = int(found.starts[record])
                same[record] = self._rest[start : start + len(header)] == header
        return same

    def _note(
        self, found: Records, malformed: npt.NDArray[np.bool_], repeated: npt.NDArray[np.bool_]
    ) -> None:
        noted = self.malformed
        if not noted.rows:
            row = int(np.argmax(malformed))
            noted.first = self.rows + row + 1
            noted.first_fault = self._fault(int(found.widths[row]), repeated=bool(repeated[row]))
        noted.rows += int(malformed.sum())
        noted.one_more += int((found.widths == len(self.header) + 1).sum())

    def _fault(self, width: int, *, repeated: bool) -> str:
        if repeated:
            return "is the header again"
        if width == BAD_CELLS:
            return (
                "has a quote that is not closed, or text after its closing quote, or is longer than"
                f" {MAX_RECORD_BYTES:,} bytes"
            )
        cells = "1 cell" if width == 1 else f"{width:,} cells"
        return f"has {cells}, but the header has {len(self.header):,}"


def _cell_places(
    found: Records, malformed: npt.NDArray[np.bool_], width: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return where each row's cells start and end, one row of places per record; 0 for a malformed one."""
    shape = len(malformed), width
    if len(found.cell_starts) == len(malformed) * width and not malformed.any():
        return found.cell_starts.reshape(shape), found.cell_ends.reshape(shape)
    starts, ends = np.zeros((2, *shape), dtype=np.int64)
    sound = ~malformed
    cells = found.first_cells[sound][:, None] + np.arange(width)
    starts[sound], ends[sound] = found.cell_starts[cells], found.cell_ends[cells]
    return starts, ends


def _one_bad_record() -> Records:
    none = np.zeros(0, dtype=np.int64)
    zero = np.zeros(1, dtype=np.int64)
    return Records(none, none, zero, zero + BAD_CELLS, zero, zero, used=0)
