"""What a Parquet file's footer says beside its data: text by name, as writers may add it.

DuckDB takes such texts before it writes a row; what is known only after the last row is added here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Final

from churn_core.scoring.thrift_compact import BINARY, LIST, STRUCT, CompactReader, varint_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_MAGIC: Final = b"PAR1"
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
    """
    with path.open("r+b") as file:
        start, footer = _footer_of(file)
        file.seek(start)
        changed = _with_entries(footer, entries)
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
    found = CompactReader(footer).struct({_KEY_VALUE_METADATA: [{1: bytes, 2: bytes}]})
    return {entry[1].decode(): entry.get(2, b"").decode() for entry in found.get(_KEY_VALUE_METADATA, [])}


def _footer_of(file: BinaryIO) -> tuple[int, bytes]:
    end = file.seek(-8, 2)
    start = end - int.from_bytes(file.read(4), "little")
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
    fields.append((_KEY_VALUE_METADATA, LIST, _entry_list(entries)))
    written = bytearray()
    before = 0
    for number, kind, value in sorted(fields):
        written.append((number - before) << 4 | kind)
        written += value
        before = number
    return bytes(written) + b"\0"


def _entry_list(entries: Mapping[str, str]) -> bytes:
    header = bytes([0xF0 | STRUCT]) + varint_bytes(len(entries))
    return header + b"".join(
        b"".join(bytes([1 << 4 | BINARY]) + varint_bytes(len(text)) + text for text in (key, value)) + b"\0"
        for key, value in ((key.encode(), value.encode()) for key, value in entries.items())
    )
