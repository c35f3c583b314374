"""Check the pages of a Parquet file against their checksums and the footer, which DuckDB does not do.

The Parquet format says: a page's header may have a CRC-32 of the page's bytes as they are stored
(compressed; in version 2 pages with the levels). The pages of a column announce as many values as the
footer does for that column: one a row if the column does not repeat.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from churn_core.errors import InputFileError
from churn_core.scoring.parquet.faults import damaged, encrypted
from churn_core.scoring.parquet.footer import read_footer_bytes
from churn_core.scoring.parquet.thrift_compact import CompactReader, ThriftError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_PIECE_BYTES: Final = 2**20
_HEADER_BYTES: Final = 256
_LARGEST_HEADER: Final = 2**20

# Fields of parquet.thrift: of FileMetaData, SchemaElement, RowGroup, ColumnChunk, ColumnMetaData, PageHeader.
_SCHEMA, _ROW_GROUPS, _ENCRYPTION = 2, 4, 8
_REPETITION, _CHILDREN, _REPEATED = 3, 5, 2
_COLUMNS, _GROUP_ROWS = 1, 3
_FILE_PATH, _META_DATA = 1, 3
_VALUES, _CHUNK_BYTES, _DATA_OFFSET, _DICTIONARY_OFFSET = 5, 7, 9, 11
_PAGE_BYTES, _PAGE_CRC, _DATA_PAGE, _DATA_PAGE_2, _PAGE_VALUES = 3, 4, 5, 8, 1
_CHUNK: Final = dict.fromkeys((_VALUES, _CHUNK_BYTES, _DATA_OFFSET, _DICTIONARY_OFFSET), int)
_ELEMENT: Final = {_REPETITION: int, _CHILDREN: int}
_GROUP: Final = {_COLUMNS: [{_FILE_PATH: bytes, _META_DATA: _CHUNK}], _GROUP_ROWS: int}
_PAGE: Final = {
    _PAGE_BYTES: int,
    _PAGE_CRC: int,
    _DATA_PAGE: {_PAGE_VALUES: int},
    _DATA_PAGE_2: {_PAGE_VALUES: int},
}


def check_pages(path: Path) -> int:
    """Check every page of a file; return how many had a checksum.

    Reads each byte of the file once, and holds the footer and the description of one row group in memory.

    Parameters
    ----------
    path : Path
        A file that passed `churn_core.scoring.parquet.input_checks.check_magic`.

    Raises
    ------
    InputFileError
        ``corrupt`` if a checksum is wrong, or if the pages are elsewhere than the footer says, overlap, or
        hold another number of values. ``encrypted`` if only columns are encrypted.
    """
    try:
        with path.open("rb") as file:
            return _check_file(file)
    except (ThriftError, InputFileError) as error:
        # Encrypted columns look damaged, and the footer's field about encryption comes after them.
        raise (encrypted() if is_encrypted(path) else damaged()) from error


def is_encrypted(path: Path) -> bool:
    """Return whether the footer can be read and says that the file is encrypted."""
    try:
        with path.open("rb") as file:
            return _ENCRYPTION in CompactReader(read_footer_bytes(file)[1]).struct({_ENCRYPTION: {}})
    except ThriftError:
        return False


def _check_file(file: BinaryIO) -> int:
    start, footer = read_footer_bytes(file)
    pages = _Pages(file, start)
    flat: list[bool] = []
    reader = CompactReader(footer)
    # As in every footer, the schema comes before the row groups.
    for number, kind in reader.fields():
        if number == _SCHEMA:
            flat = _flat_leaves(reader.structs(kind, _ELEMENT))
        elif number == _ROW_GROUPS:
            for group in reader.structs(kind, _GROUP):
                _check_group(pages, group, flat)
        elif number == _ENCRYPTION:
            raise encrypted()
        else:
            reader.skip(kind)
    return pages.checked


def _flat_leaves(schema: Iterable[dict[int, Any]]) -> list[bool]:
    """Return for each column of a schema, listed depth first, whether it has one value a row."""
    leaves: list[bool] = []
    # For each open group: the number of children still to come, and whether nothing repeats so far.
    groups: list[tuple[int, bool]] = []
    for position, element in enumerate(schema):
        flat = element.get(_REPETITION) != _REPEATED and (not groups or groups[-1][1])
        if groups:
            groups[-1] = (groups[-1][0] - 1, groups[-1][1])
        if position == 0 or element.get(_CHILDREN):
            groups.append((element.get(_CHILDREN, 0), flat))
        else:
            leaves.append(flat)
        while groups and groups[-1][0] <= 0:
            groups.pop()
    return leaves


def _check_group(pages: _Pages, group: dict[int, Any], flat: list[bool]) -> None:
    columns = group.get(_COLUMNS, [])
    if len(columns) != len(flat):
        raise damaged()
    for column, one_a_row in zip(columns, flat, strict=True):
        described = column.get(_META_DATA, {})
        if _FILE_PATH in column or not {_VALUES, _CHUNK_BYTES, _DATA_OFFSET} <= described.keys():
            raise damaged()
        if one_a_row and described[_VALUES] != group.get(_GROUP_ROWS):
            raise damaged()
        _check_chunk(pages, described)


def _check_chunk(pages: _Pages, described: dict[int, Any]) -> None:
    position = described[_DATA_OFFSET]
    dictionary = described.get(_DICTIONARY_OFFSET, 0)
    # Old writers leave 0 where there is no dictionary.
    if 0 < dictionary < position:
        position = dictionary
    values = described[_VALUES]
    # Values are counted, not bytes: old writers leave headers out of a chunk's size.
    while values > 0:
        held, position = pages.check(position)
        values -= held
    if values < 0:
        raise damaged()


class _Pages:
    """Checks the pages of a file, each once.

    Attributes
    ----------
    checked : int
        Pages so far that had a checksum.
    """

    def __init__(self, file: BinaryIO, end: int) -> None:
        self._file = file
        self._end = end
        # Without this budget, many chunks that name the same large page would take hours.
        self._left = end
        self.checked = 0

    def check(self, position: int) -> tuple[int, int]:
        """Check a page; return how many values it holds, and where the next page starts."""
        header, length = self._header(position)
        size = header.get(_PAGE_BYTES, -1)
        start = position + length
        self._left -= length + size
        if not 0 <= size <= self._end - start or self._left < 0:
            raise damaged()
        if _PAGE_CRC in header:
            if self._checksum(start, size) != header[_PAGE_CRC] & 0xFFFFFFFF:
                raise damaged()
            self.checked += 1
        data = header.get(_DATA_PAGE) or header.get(_DATA_PAGE_2) or {}
        held = data.get(_PAGE_VALUES, 0)
        if held < 0:
            raise damaged()
        return held, start + size

    def _header(self, position: int) -> tuple[dict[int, Any], int]:
        """Return a page's header and its length, which is large if the header holds long minimum values."""
        left = self._end - position
        if position < 4 or left <= 0:
            raise damaged()
        size = _HEADER_BYTES
        while True:
            self._file.seek(position)
            reader = CompactReader(self._file.read(min(size, left)))
            try:
                return reader.struct(_PAGE), reader.position
            except ThriftError:
                if size >= min(_LARGEST_HEADER, left):
                    raise
                size *= 16

    def _checksum(self, position: int, size: int) -> int:
        self._file.seek(position)
        checksum = 0
        while size:
            piece = self._file.read(min(size, _PIECE_BYTES))
            if not piece:
                raise damaged()
            checksum = zlib.crc32(piece, checksum)
            size -= len(piece)
        return checksum
