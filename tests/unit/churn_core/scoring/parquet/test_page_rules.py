"""Each rule for pages and columns, on files of one column that are written by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from churn_core.scoring.parquet.thrift_compact import BINARY, LIST, STRUCT, varint_bytes
from tests.unit.churn_core.scoring.parquet.test_pages import code_of

if TYPE_CHECKING:
    from pathlib import Path

I64 = 6


def thrift(fields: dict[int, Any]) -> bytes:
    """Write a struct: integers as i64, dicts as structs, lists as lists of structs."""
    written, before = bytearray(), 0
    for number, value in fields.items():
        kind, content = _value(value)
        written += bytes([(number - before) << 4 | kind]) + content
        before = number
    return bytes(written) + b"\0"


def _value(value: Any) -> tuple[int, bytes]:
    if isinstance(value, int):
        return I64, varint_bytes(value << 1 if value >= 0 else -value * 2 - 1)
    if isinstance(value, bytes):
        return BINARY, varint_bytes(len(value)) + value
    if isinstance(value, dict):
        return STRUCT, thrift(value)
    return LIST, bytes([len(value) << 4 | STRUCT]) + b"".join(map(thrift, value))


BODY = b"12345678"
REQUIRED, OPTIONAL, REPEATED = 0, 1, 2


def page(values: int, size: int = len(BODY), kind: int = 5) -> bytes:
    """Return a page: kind 5 is a data page, 7 a dictionary, 8 a data page of version 2."""
    return thrift({3: size, kind: {1: values}}) + BODY


def one_column(
    path: Path,
    pages: bytes,
    values: int,
    *,
    rows: int | None = None,
    repetition: int = REQUIRED,
    chunk: dict[int, Any] | None = None,
    column: dict[int, Any] | None = None,
) -> Path:
    """Write a file of one column whose pages begin at byte 4, and whose footer makes these claims."""
    described = dict(sorted(({5: values, 7: len(pages), 9: 4} | (chunk or {})).items()))
    footer = thrift(
        {
            2: [{4: b"root", 5: 1}, {3: repetition, 4: b"x"}],
            4: [{1: [(column or {}) | {3: described}], 3: values if rows is None else rows}],
        }
    )
    path.write_bytes(b"PAR1" + pages + footer + len(footer).to_bytes(4, "little") + b"PAR1")
    return path


@pytest.mark.parametrize(
    ("pages", "values", "expected"),
    [
        (page(3), 3, None),
        (page(2) + page(1), 3, None),
        (page(2) + page(1, kind=8), 3, None),
        (page(9, kind=7) + page(3), 3, None),
        (page(0) + page(3), 3, None),
        (page(4), 3, "corrupt"),
        (page(2) + page(2), 3, "corrupt"),
        (page(3), 4, "corrupt"),
        (page(-1) + page(4), 3, "corrupt"),
    ],
)
def test_the_data_pages_of_a_column_hold_as_many_values_as_the_footer_says(
    pages: bytes, values: int, expected: str | None, tmp_path: Path
) -> None:
    assert code_of(one_column(tmp_path / "x", pages, values)) == expected


@pytest.mark.parametrize("values", [-1, -2, -(2**40)])
def test_a_negative_number_of_values_is_refused(values: int, tmp_path: Path) -> None:
    assert code_of(one_column(tmp_path / "x", page(3), values)) == "corrupt"


def test_a_column_without_values_needs_no_page(tmp_path: Path) -> None:
    assert code_of(one_column(tmp_path / "x", b"", 0)) is None


@pytest.mark.parametrize("size", [-1, -2, -(2**40), len(BODY) + 1, 2**40])
def test_a_page_of_a_negative_size_or_beyond_the_pages_is_refused(size: int, tmp_path: Path) -> None:
    assert code_of(one_column(tmp_path / "x", page(3, size), 3)) == "corrupt"


def test_a_page_without_a_size_is_refused(tmp_path: Path) -> None:
    pages = thrift({5: {1: 3}}) + BODY
    assert code_of(one_column(tmp_path / "x", pages, 3)) == "corrupt"


@pytest.mark.parametrize("dictionary", [0, -1, 2**40])
def test_a_dictionary_that_is_not_before_the_data_is_ignored(dictionary: int, tmp_path: Path) -> None:
    """Old writers leave 0 where there is no dictionary."""
    assert code_of(one_column(tmp_path / "x", page(3), 3, chunk={11: dictionary})) is None


def test_a_dictionary_before_the_data_is_checked(tmp_path: Path) -> None:
    dictionary = page(1, kind=7)
    start = 4 + len(dictionary)
    chunk = {9: start, 11: 4}
    assert code_of(one_column(tmp_path / "x", dictionary + page(3), 3, chunk=chunk)) is None
    damaged = page(1, size=-1, kind=7)
    chunk = {9: 4 + len(damaged), 11: 4}
    assert code_of(one_column(tmp_path / "x", damaged + page(3), 3, chunk=chunk)) == "corrupt"


@pytest.mark.parametrize("position", [-1, 0, 3, 2**40])
def test_pages_outside_of_the_file_are_refused(position: int, tmp_path: Path) -> None:
    assert code_of(one_column(tmp_path / "x", page(3), 3, chunk={9: position})) == "corrupt"


@pytest.mark.parametrize(
    ("repetition", "expected"), [(REQUIRED, "corrupt"), (OPTIONAL, "corrupt"), (REPEATED, None)]
)
def test_only_a_repeated_column_may_have_another_number_of_values_than_rows(
    repetition: int, expected: str | None, tmp_path: Path
) -> None:
    path = one_column(tmp_path / "x", page(3), 3, rows=2, repetition=repetition)
    assert code_of(path) == expected


def test_a_column_in_another_file_is_refused(tmp_path: Path) -> None:
    assert code_of(one_column(tmp_path / "x", page(3), 3, column={1: b"other.parquet"})) == "corrupt"


@pytest.mark.parametrize("missing", [5, 7, 9])
def test_a_column_without_its_values_size_or_start_is_refused(missing: int, tmp_path: Path) -> None:
    described = {number: value for number, value in {5: 3, 7: 20, 9: 4}.items() if number != missing}
    footer = thrift({2: [{4: b"root", 5: 1}, {3: 0, 4: b"x"}], 4: [{1: [{3: described}], 3: 3}]})
    path = tmp_path / "x"
    path.write_bytes(b"PAR1" + page(3) + footer + len(footer).to_bytes(4, "little") + b"PAR1")
    assert code_of(path) == "corrupt"


@pytest.mark.parametrize(
    ("length", "expected"), [(0, None), (300, None), (5_000, None), (2**20, "corrupt"), (2**21, "corrupt")]
)
def test_headers_with_long_minimum_values_are_read_up_to_a_mebibyte(
    length: int, expected: str | None, tmp_path: Path
) -> None:
    header = thrift({3: len(BODY), 5: {1: 3, 5: {6: b"m" * length}}})
    assert code_of(one_column(tmp_path / "x", header + BODY, 3)) == expected
