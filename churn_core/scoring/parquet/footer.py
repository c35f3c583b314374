"""What a Parquet file's footer says beside its data: text by name, as writers may add it.

DuckDB takes such texts before it writes a row; what is known only after the last row is added here.
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
"""The footer's length, and the magic."""
_ROWS: Final = 3
_KEY_VALUE_METADATA: Final = 5
"""Field of parquet.thrift's FileMetaData: a list of KeyValue, of which 1 is the key and 2 the value."""


def write_footer_metadata(path: Path, entries: Mapping[str, str]) -> None:
    """Give a finished Parquet file these entries instead of those that it has.

    Only the end of the file is written anew; the same file and entries give the same bytes.

    Parameters
    ----------
    path : Path
        A file of our own making.
    entries : mapping
        Text by name; their order is kept.

    Raises
    ------
    ThriftError
        If the footer is damaged; the file stays as it is.
    """
    with path.open("r+b") as file:
        start, footer = _footer_of(file)
        changed = _with_entries(footer, entries)
        file.seek(start)
        file.write(changed + len(changed).to_bytes(4, "little") + _MAGIC)
        file.truncate()


def read_footer_metadata(path: Path) -> dict[str, str]:
    """Return the entries of a Parquet file's footer.

    Raises
    ------
    ThriftError
        If the footer is damaged.
    """
    with path.open("rb") as file:
        _, footer = _footer_of(file)
    return read_footer(footer).entries


@dataclass(frozen=True, slots=True)
class Footer:
    """What a footer says of its file as a whole.

    Attributes
    ----------
    rows : int
    entries : dict
        Text by name.
    """

    rows: int
    entries: dict[str, str]


def read_footer(footer: bytes) -> Footer:
    """Read a footer that is at hand without its file: what lies before the file's last eight bytes.

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
        raise ThriftError("an entry has no name or is no text, or the rows are not counted") from error


def footer_length(end: bytes) -> int:
    """Return how long the footer is of a file that ends so, by its last eight bytes.

    Raises
    ------
    ThriftError
        If no Parquet file ends so.
    """
    if len(end) < _END_BYTES or not end.endswith(_MAGIC):
        raise ThriftError("the file does not end as Parquet does")
    return int.from_bytes(end[-_END_BYTES:-4], "little")


def _footer_of(file: BinaryIO) -> tuple[int, bytes]:
    end = file.seek(0, 2) - 8
    file.seek(max(0, end))
    start = end - int.from_bytes(file.read(4), "little")
    if start < 0:
        raise ThriftError("the footer is longer than the file")
    file.seek(start)
    return start, file.read(end - start)


def _with_entries(footer: bytes, entries: Mapping[str, str]) -> bytes:
    """Copy field by field; headers are written anew, since each counts from the field before it."""
    reader = CompactReader(footer)
    fields: list[tuple[int, int, bytes]] = []
    for number, kind in reader.fields():
        start = reader.position
        reader.skip(kind)
        if number != _KEY_VALUE_METADATA:
            fields.append((number, kind, footer[start : reader.position]))
    behind = (place for place, field in enumerate(fields) if field[0] not in range(_KEY_VALUE_METADATA))
    fields.insert(next(behind, len(fields)), (_KEY_VALUE_METADATA, LIST, _entry_list(entries)))
    written = bytearray()
    before = 0
    for number, kind, value in fields:
        written += _field_header(number, kind, before) + value
        before = number
    return bytes(written) + b"\0"


def _field_header(number: int, kind: int, before: int) -> bytes:
    if 0 < number - before < 16:
        return bytes([(number - before) << 4 | kind])
    # Extensions of the format have a number too far from the others for one byte.
    return bytes([kind]) + varint_bytes(number << 1 if number >= 0 else -number * 2 - 1)


def _entry_list(entries: Mapping[str, str]) -> bytes:
    header = bytes([0xF0 | STRUCT]) + varint_bytes(len(entries))
    return header + b"".join(
        b"".join(bytes([1 << 4 | BINARY]) + varint_bytes(len(text)) + text for text in (key, value)) + b"\0"
        for key, value in ((key.encode(), value.encode()) for key, value in entries.items())
    )
