"""Read and write the text entries (key-value metadata) of a Parquet file's footer.

DuckDB takes entries only before it writes the first row. Counts are known after the last row, so this
module adds them to the finished file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

from churn_core.scoring.parquet.thrift_compact import (
    BINARY,
    LIST,
    STRUCT,
    CompactReader,
    ThriftError,
    varint_bytes,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_MAGIC: Final = b"PAR1"
_END_BYTES: Final = 8
"""Bytes after the footer: its length and the magic."""
_ROWS: Final = 3
_KEY_VALUE_METADATA: Final = 5
"""Field of parquet.thrift's FileMetaData: a list of KeyValue, of which 1 is the key and 2 the value."""


@dataclass(frozen=True, slots=True)
class Footer:
    """What a footer says about its file as a whole.

    Attributes
    ----------
    rows : int
    entries : dict
        Text by name.
    """

    rows: int
    entries: dict[str, str]


def write_footer_metadata(path: Path, entries: Mapping[str, str]) -> None:
    """Replace the entries of a finished Parquet file; only the end of the file is rewritten.

    The same file and entries give the same bytes.

    Parameters
    ----------
    path : Path
        A file that this library wrote.
    entries : mapping
        Text by name; their order is kept.

    Raises
    ------
    ThriftError
        If the footer is damaged; the file stays as it is.
    """
    with path.open("r+b") as file:
        start, footer = read_footer_bytes(file)
        changed = _with_entries(footer, entries)
        file.seek(start)
        file.write(changed + len(changed).to_bytes(4, "little") + _MAGIC)
        file.truncate()


def read_footer_bytes(file: BinaryIO) -> tuple[int, bytes]:
    """Return where a file's footer starts, and the footer.

    Raises
    ------
    ThriftError
        If the file does not end as Parquet does, or the footer is longer than the file.
    """
    end = file.seek(0, 2) - _END_BYTES
    file.seek(max(0, end))
    length = footer_length(file.read())
    if length > end:
        raise ThriftError("the footer is longer than the file")
    file.seek(end - length)
    return end - length, file.read(length)


def read_footer(footer: bytes) -> Footer:
    """Read a footer: the bytes before the file's last eight.

    Raises
    ------
    ThriftError
        If it is damaged.
    """
    found = CompactReader(footer).struct({_ROWS: int, _KEY_VALUE_METADATA: [{1: bytes, 2: bytes}]})
    try:
        entries = {
            entry[1].decode(): entry.get(2, b"").decode() for entry in found.get(_KEY_VALUE_METADATA, [])
        }
        return Footer(found[_ROWS], entries)
    except (KeyError, UnicodeDecodeError) as error:
        raise ThriftError("the rows or an entry's name is missing, or an entry is not text") from error


def footer_length(end: bytes) -> int:
    """Return the length of a file's footer, read from the file's last eight bytes.

    Raises
    ------
    ThriftError
        If the bytes are not the end of a Parquet file.
    """
    if len(end) < _END_BYTES or not end.endswith(_MAGIC):
        raise ThriftError("the file does not end as Parquet does")
    return int.from_bytes(end[-_END_BYTES:-4], "little")


def _with_entries(footer: bytes, entries: Mapping[str, str]) -> bytes:
    """Copy a footer field by field; each header is written again, as it counts from the field before it."""
    reader = CompactReader(footer)
    fields: list[tuple[int, int, bytes]] = []
    for number, kind in reader.fields():
        start = reader.position
        reader.skip(kind)
        if number != _KEY_VALUE_METADATA:
            fields.append((number, kind, footer[start : reader.position]))
    later = (place for place, field in enumerate(fields) if field[0] not in range(_KEY_VALUE_METADATA))
    fields.insert(next(later, len(fields)), (_KEY_VALUE_METADATA, LIST, _entry_list(entries)))
    written = bytearray()
    before = 0
    for number, kind, value in fields:
        written += _field_header(number, kind, before) + value
        before = number
    return bytes(written) + b"\0"


def _field_header(number: int, kind: int, before: int) -> bytes:
    if 0 < number - before < 16:
        return bytes([(number - before) << 4 | kind])
    # Extensions of the format have numbers that are too far from the others for one byte.
    return bytes([kind]) + varint_bytes(number << 1 if number >= 0 else -number * 2 - 1)


def _entry_list(entries: Mapping[str, str]) -> bytes:
    header = bytes([0xF0 | STRUCT]) + varint_bytes(len(entries))
    return header + b"".join(
        b"".join(bytes([1 << 4 | BINARY]) + varint_bytes(len(text)) + text for text in (key, value)) + b"\0"
        for key, value in ((key.encode(), value.encode()) for key, value in entries.items())
    )
