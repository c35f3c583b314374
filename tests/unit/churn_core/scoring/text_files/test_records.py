"""The vectorised reader finds the same rows as a plain one, wherever the borders of its buffers lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from churn_core.scoring.text_files import csv_table as csv_module
from churn_core.scoring.text_files import records, text_stream
from tests.unit.churn_core.scoring.text_files.reading import MALFORMED, Rows, csv_table, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST = 24
HEADER = ("x", "y")

PIECES = ("a", "b", "é", ",", "\n", "\r\n", "\r", '"', '""', ',"', '",', "x,y\n", "1,2\n")


@pytest.fixture(scope="module", autouse=True)
def _short_records() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "MAX_RECORD_BYTES", LONGEST)
        patch.setattr(csv_module, "MAX_RECORD_BYTES", LONGEST)
        patch.setattr(records, "_SMALLEST_WINDOW", 4)
        yield


def cell_end(text: str, start: int) -> tuple[str, int] | None:
    """Return a cell and the place after it; None if its quotes are wrong."""
    if text[start : start + 1] != '"':
        end = start
        while end < len(text) and text[end] not in ",\r\n":
            end += 1
        return None if '"' in text[start:end] else (text[start:end], end)
    cell, at = "", start + 1
    while at < len(text):
        if text[at : at + 2] == '""':
            cell, at = cell + '"', at + 2
        elif text[at] == '"':
            return (cell, at + 1) if text[at + 1 : at + 2] in ("", ",", "\r", "\n") else None
        else:
            cell, at = cell + text[at], at + 1
    return None


def plain_rows(text: str) -> Rows:
    """Read the rows below a header character by character."""
    rows: Rows = []
    at = 0
    while at < len(text):
        if text[at] in "\r\n":
            at += 1
            continue
        start, cells = at, list[str]()
        found = cell_end(text, at)
        while found is not None:
            cells.append(found[0])
            at = found[1]
            if text[at : at + 1] != ",":
                break
            found = cell_end(text, at + 1)
        if found is None or len(text[start:at].encode()) > LONGEST:
            at = start
            while at < len(text) and text[at] not in "\r\n":
                at += 1
            rows.append(MALFORMED)
        else:
            repeated = text[start:at] == ",".join(HEADER)
            rows.append(MALFORMED if repeated or len(cells) != len(HEADER) else tuple(cells))
    return rows


@given(some.lists(some.sampled_from(PIECES), max_size=40), some.sampled_from([1, 2, 3, 7, 64]))
@settings(max_examples=400, deadline=None)
def test_any_text_gives_the_rows_of_a_plain_reader(pieces: list[str], chunk: int) -> None:
    body = "".join(pieces)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_stream, "CHUNK_BYTES", chunk)
        patch.setattr(csv_module, "_BUFFER_BYTES", chunk)
        assert rows_of(csv_table(f"x,y\n{body}".encode())) == plain_rows(body)


def test_a_line_that_never_ends_is_one_malformed_row() -> None:
    content = b"x,y\n1,2\n" + b"z" * 5_000 + b"\n3,4\n"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_stream, "CHUNK_BYTES", 100)
        patch.setattr(csv_module, "_BUFFER_BYTES", 100)
        assert rows_of(csv_table(content)) == [("1", "2"), MALFORMED, ("3", "4")]
        assert rows_of(csv_table(content[:4_000])) == [("1", "2"), MALFORMED]
