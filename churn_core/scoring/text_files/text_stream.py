"""Turn the bytes of a file into clean UTF-8: decompressed, decoded and checked while they are read."""

from __future__ import annotations

import codecs
import zlib
from typing import TYPE_CHECKING, BinaryIO, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from churn_core.scoring.input_limits import InputLimits
    from churn_core.scoring.text_files.faults import TextFaults

CHUNK_BYTES: Final = 2**20
"""Bytes that are read, or decompressed, at once."""

_GZIP_WINDOW: Final = 31
"""zlib's code for a gzip header and the largest window."""
_GZIP_MAGIC: Final = b"\x1f\x8b"
_BYTE_ORDER_MARK: Final = "\ufeff".encode()


def text_chunks(
    file: BinaryIO, encoding: str, faults: TextFaults, limits: InputLimits, *, gzipped: bool
) -> Iterator[bytes]:
    """Yield the content of a file as valid UTF-8 without a byte order mark and without NUL.

    Parameters
    ----------
    file : BinaryIO
        At its start.
    encoding : str
        A text encoding that Python knows.
    faults : TextFaults
    limits : InputLimits
    gzipped : bool
        Whether the bytes are to be decompressed first. Several gzip members after each other are one file.

    Yields
    ------
    bytes
        Whole characters. No chunk is empty, and none is much longer than `CHUNK_BYTES`.

    Raises
    ------
    InputFileError
        ``not-text``, ``bad-compression`` or ``too-large``.
    """
    chunks = file_bytes(file, faults, limits, gzipped=gzipped)
    return _checked(_decoded(chunks, encoding, faults), faults)


def file_bytes(file: BinaryIO, faults: TextFaults, limits: InputLimits, *, gzipped: bool) -> Iterator[bytes]:
    """Yield the bytes of a file, decompressed if they are gzip.

    Parameters and errors are those of `text_chunks`.
    """
    most = limits.most_bytes(file.seek(0, 2))
    file.seek(0)
    chunks = _decompressed(file, faults) if gzipped else _plain(file, faults)
    return _counted(chunks, most, faults)


def _plain(file: BinaryIO, faults: TextFaults) -> Iterator[bytes]:
    first = True
    while chunk := file.read(CHUNK_BYTES):
        if first and chunk.startswith(_GZIP_MAGIC):
            raise faults.gzip_as_text()
        first = False
        yield chunk


def _decompressed(file: BinaryIO, faults: TextFaults) -> Iterator[bytes]:
    member = zlib.decompressobj(_GZIP_WINDOW)
    # Whether anything of the current member has been read.
    begun = False
    any_member = False
    try:
        while chunk := file.read(CHUNK_BYTES):
            while chunk:
                if not begun and any_member:
                    # Tape blocks are padded with zeros, which gzip ignores too.
                    chunk = chunk.lstrip(b"\0")
                    if not chunk:
                        break
                begun = True
                if piece := member.decompress(chunk, CHUNK_BYTES):
                    yield piece
                chunk = member.unconsumed_tail
                if member.eof:
                    chunk = member.unused_data
                    member = zlib.decompressobj(_GZIP_WINDOW)
                    begun, any_member = False, True
    except zlib.error:
        raise faults.bad_compression() from None
    if begun or not any_member:
        raise faults.bad_compression()


def _counted(chunks: Iterator[bytes], most: int, faults: TextFaults) -> Iterator[bytes]:
    total = 0
    for chunk in chunks:
        total += len(chunk)
        if total > most:
            raise faults.too_large()
        yield chunk


def _decoded(chunks: Iterator[bytes], encoding: str, faults: TextFaults) -> Iterator[bytes]:
    codec = codecs.lookup(encoding)
    in_utf8 = codec.name in ("utf-8", "utf-8-sig", "ascii")
    decoder = codec.incrementaldecoder()
    first = True
    try:
        for chunk in chunks:
            # ASCII needs no decoding if no character has begun in the chunk before.
            if in_utf8 and chunk.isascii() and not decoder.getstate()[0]:
                text = chunk
            else:
                text = decoder.decode(chunk).encode()
            if first and text:
                text, first = text.removeprefix(_BYTE_ORDER_MARK), False
            if text:
                yield text
        if rest := decoder.decode(b"", final=True):
            yield rest.encode()
    except UnicodeError:
        # The cause is dropped because its message shows the bytes.
        raise faults.not_text(codec.name) from None


def _checked(chunks: Iterator[bytes], faults: TextFaults) -> Iterator[bytes]:
    for chunk in chunks:
        if b"\0" in chunk:
            raise faults.nul()
        yield chunk
