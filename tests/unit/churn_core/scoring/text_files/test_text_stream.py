"""Bytes become text only if they are text of the declared encoding, and gzip only if it is whole."""

from __future__ import annotations

import gzip
import io
import zlib

import pytest

from churn_core.errors import InputFileError
from churn_core.scoring.input_limits import InputLimits
from churn_core.scoring.text_files import text_stream
from churn_core.scoring.text_files.faults import TextFaults
from churn_core.scoring.text_files.text_stream import text_chunks


def read(
    content: bytes, encoding: str = "utf-8", *, gzipped: bool = False, limits: InputLimits | None = None
) -> bytes:
    chunks = text_chunks(
        io.BytesIO(content), encoding, TextFaults("The file"), limits or InputLimits(), gzipped=gzipped
    )
    return b"".join(chunks)


def fault(content: bytes, encoding: str = "utf-8", *, gzipped: bool = False) -> str:
    with pytest.raises(InputFileError) as caught:
        read(content, encoding, gzipped=gzipped)
    assert caught.value.__cause__ is None
    return caught.value.code


@pytest.mark.parametrize("chunk", [1, 2, 3, 1_000])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be", "utf-32", "cp1252", "utf-7"])
def test_characters_may_lie_at_the_borders_of_chunks(
    chunk: int, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_stream, "CHUNK_BYTES", chunk)
    text = "a,é,€,\n" * 5
    assert read(text.encode(encoding), encoding) == text.encode()


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (b"a\xffb", "utf-8"),
        (b"a\xc3", "utf-8"),
        ("é".encode("utf-16"), "utf-8"),
        (b"a\x81", "cp1252"),
        (b"\x00\xd8a\x00", "utf-16-le"),
        (b"\xff\xfea", "utf-16"),
        (b"a\0b", "utf-8"),
        (gzip.compress(b"a,b\n", mtime=0), "latin-1"),
    ],
)
def test_bytes_that_the_encoding_lacks_and_nul_are_not_text(content: bytes, encoding: str) -> None:
    assert fault(content, encoding) == "not-text"


@pytest.mark.parametrize("chunk", [1, 7, 100_000])
def test_gzip_members_after_each_other_are_one_file(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_stream, "CHUNK_BYTES", chunk)
    first, second = b"a,b\n" * 1_000, b"1,2\n" * 500
    content = gzip.compress(first) + gzip.compress(second) + bytes(10)
    assert read(content, gzipped=True) == first + second


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"a,b\n1,2\n",
        gzip.compress(b"a,b\n", mtime=0)[:-1],
        gzip.compress(b"a,b\n", mtime=0) + b"x",
        zlib.compress(b"a,b\n"),
        gzip.compress(b"a,b\n", mtime=0) + gzip.compress(b"c", mtime=0)[:5],
    ],
    ids=["empty", "plain", "cut off", "with other bytes after it", "zlib", "a second one cut off"],
)
def test_what_is_no_whole_gzip_file_is_bad_compression(content: bytes) -> None:
    assert fault(content, gzipped=True) == "bad-compression"


def test_each_flipped_bit_of_a_gzip_file_is_noticed_or_changes_nothing() -> None:
    text = b"".join(b"%d,%d\n" % (number, number**2) for number in range(300))
    whole = gzip.compress(text, mtime=0)
    noticed = 0
    for position in range(0, len(whole), 3):
        flipped = bytearray(whole)
        flipped[position] ^= 4
        try:
            assert read(bytes(flipped), gzipped=True) == text
        except InputFileError:
            noticed += 1
    assert noticed > len(whole) // 3 - 5


@pytest.mark.parametrize("gzipped", [False, True])
def test_the_bytes_are_counted_while_they_are_decompressed(gzipped: bool) -> None:
    def packed(content: bytes) -> bytes:
        return gzip.compress(content) if gzipped else content

    limits = InputLimits(uncompressed_bytes=10_000)
    assert len(read(packed(b"x" * 10_000), gzipped=gzipped, limits=limits)) == 10_000
    with pytest.raises(InputFileError) as caught:
        read(packed(b"x" * 10_001), gzipped=gzipped, limits=limits)
    assert caught.value.code == "too-large"


def test_a_small_file_may_not_become_a_huge_one() -> None:
    limits = InputLimits(expansion=2)
    assert len(read(gzip.compress(bytes([65]) * 2 * 2**20), gzipped=True, limits=limits)) == 2 * 2**20
    with pytest.raises(InputFileError) as caught:
        read(gzip.compress(bytes([65]) * (2 * 2**20 + 1)), gzipped=True, limits=limits)
    assert caught.value.code == "too-large"
