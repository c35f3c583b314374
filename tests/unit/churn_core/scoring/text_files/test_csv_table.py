"""A CSV file of a declared dialect is read exactly, or refused as a whole with a code."""

from __future__ import annotations

import pytest

from churn_core.errors import InputFileError
from churn_core.reader_rules import Dialect
from churn_core.scoring.input_limits import InputLimits
from tests.unit.churn_core.scoring.text_files.reading import MALFORMED, csv_table, rows_of

ROWS = [("1", "x, é"), ("", 'say "hi"\nthere')]
TEXT = 'id,text\n1,"x, é"\n"","say ""hi""\nthere"\n'


@pytest.mark.parametrize(
    ("content", "dialect"),
    [
        (TEXT.encode(), Dialect()),
        (TEXT.encode("utf-8-sig"), Dialect()),
        (TEXT.encode("utf-8-sig"), Dialect(encoding="utf-8-sig")),
        (TEXT.encode("utf-16"), Dialect(encoding="utf-16")),
        (TEXT.encode("utf-16-le"), Dialect(encoding="utf-16-le")),
        (("\ufeff" + TEXT).encode("utf-16-be"), Dialect(encoding="utf-16-be")),
        (TEXT.encode("latin-1"), Dialect(encoding="iso8859-1")),
        (TEXT.encode("cp1252"), Dialect(encoding="cp1252")),
        (b"sep=,\n" + TEXT.encode(), Dialect()),
        (b'"sep=,"\r\n' + TEXT.encode(), Dialect()),
        (b"\n\n" + TEXT.encode(), Dialect()),
        (b'Report, of "May\nSource: CRM\r\n' + TEXT.encode(), Dialect(header_line=3)),
        (b"Title\r\r" + TEXT.encode(), Dialect(header_line=3)),
        (TEXT.encode().rstrip(b"\n"), Dialect()),
        (TEXT.replace("\n1", "\r\n\r\n1").encode(), Dialect()),
    ],
)
def test_each_dialect_of_the_same_table_gives_the_same_rows(content: bytes, dialect: Dialect) -> None:
    table = csv_table(content, dialect)
    assert table.names == ("id", "text")
    assert rows_of(table) == ROWS


@pytest.mark.parametrize("delimiter", [";", "\t", "|", "^"])
def test_each_delimiter_and_quote_may_be_declared(delimiter: str) -> None:
    content = f"a{delimiter}b\n'x{delimiter}''y'''{delimiter}\"\n".encode()
    table = csv_table(content, Dialect(delimiter=delimiter, quote="'"))
    assert rows_of(table) == [(f"x{delimiter}'y'", '"')]


def test_line_ends_of_old_macs_end_rows_too() -> None:
    assert rows_of(csv_table(b'a,b\r1,2\r"x\r\ny",\r')) == [("1", "2"), ("x\r\ny", "")]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("1", "1 cell, but the header has 2"),
        ("1,2,3", "3 cells, but the header has 2"),
        ('5" pipe,2', "quote"),
        ('"5" pipe,2', "quote"),
        ('1,"2', "quote"),
        ("a,b", "header again"),
    ],
)
def test_a_malformed_line_costs_itself_and_no_other_row(line: str, fault: str) -> None:
    table = csv_table(f"a,b\n1,2\n{line}\n3,4\n5,6\n".encode())
    assert rows_of(table) == [("1", "2"), MALFORMED, ("3", "4"), ("5", "6")]
    assert table.malformed.first == 2
    assert fault in table.malformed.first_fault


def test_only_the_wanted_columns_are_read() -> None:
    table = csv_table(b"a,b,c\n1,2,3\n", wanted=("c", "a", "z"))
    assert table.names == ("a", "c")
    assert table.header == ("a", "b", "c")
    assert rows_of(table) == [("1", "3")]


def test_long_cells_are_read_whole() -> None:
    cells = ["x" * 255, "y" * 256, "é" * 200, 'z"' * 200]
    quoted = ['"' + cell.replace('"', '""') + '"' for cell in cells]
    content = "a,b\n" + "".join(f"{cell},{number}\n" for number, cell in enumerate(quoted))
    assert [row[0] for row in rows_of(csv_table(content.encode()))] == cells


def test_a_column_without_text_is_blank_in_each_row() -> None:
    assert rows_of(csv_table(b"a,b\n,1\n,2\n")) == [("", "1"), ("", "2")]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "no header"),
        (b"\n\r\n", "no header"),
        (b"sep=;\n", "no header"),
        (b'a,"b\n1,2\n', "header line with a quote"),
    ],
)
def test_a_file_without_a_header_is_refused(content: bytes, fault: str) -> None:
    with pytest.raises(InputFileError, match=fault) as caught:
        csv_table(content)
    assert caught.value.code == "dialect"


@pytest.mark.parametrize(("extra", "code"), [(0, None), (1, "too-many-columns")])
def test_the_number_of_columns_is_limited(extra: int, code: str | None) -> None:
    header = ",".join(f"c{place}" for place in range(1_000 + extra)).encode() + b"\n"
    if code is None:
        assert len(csv_table(header).header) == 1_000
        return
    with pytest.raises(InputFileError) as caught:
        csv_table(header)
    assert caught.value.code == code


def test_the_number_of_rows_is_limited() -> None:
    limits = InputLimits(rows=3)
    assert len(rows_of(csv_table(b"a\n1\n2\n3\n", limits=limits))) == 3
    with pytest.raises(InputFileError) as caught:
        rows_of(csv_table(b"a\n1\n2\n3\n4\n", limits=limits))
    assert caught.value.code == "too-many-rows"
