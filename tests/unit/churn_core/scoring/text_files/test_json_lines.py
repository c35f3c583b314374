"""Each line of JSON lines is one customer by the rules of strict JSON, or a malformed row."""

from __future__ import annotations

import pytest

from churn_core.errors import InputFileError
from churn_core.reader_rules import TextRules
from churn_core.scoring.input_limits import InputLimits
from churn_core.scoring.text_files import text_stream
from tests.unit.churn_core.scoring.text_files.reading import MALFORMED, json_table, rows_of


@pytest.mark.parametrize("chunk", [3, 2**20])
def test_values_become_the_text_that_a_csv_file_would_hold(
    chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_stream, "CHUNK_BYTES", chunk)
    content = '\ufeff{"a": 1, "b": "é, \\"x\\""}\r\n\n{"b": true, "a": 1.50}\n{"a": null, "c": 1e999}'
    table = json_table(content.encode())
    assert rows_of(table) == [("1", 'é, "x"', ""), ("1.5", "true", ""), ("", "", "inf")]
    assert table.names == ("a", "b", "c")


def test_numbers_have_the_decimal_mark_of_the_reader() -> None:
    assert rows_of(json_table(b'{"a": 1.5, "b": "1.5"}', TextRules(decimal=","))) == [("1,5", "1.5")]


@pytest.mark.parametrize(
    "line",
    [
        *("[1]", "1", "{", '{"a": 1} x', '{"a": [1]}', '{"a": {}}', '{"a": 1, "a": 2}', '{"a": NaN}'),
        *('{"a": "\\u0000"}', '{"a": "\\ud800"}', "a,b", '{"a": "' + "x" * 2**20 + '"}'),
    ],
)
def test_a_line_that_is_no_customer_keeps_its_place(line: str) -> None:
    table = json_table(f'{{"a": 1}}\n{line}\n{{"a": 2}}\n'.encode())
    assert rows_of(table) == [("1",), MALFORMED, ("2",)]
    assert table.malformed.first == 2


def test_other_keys_are_ignored_where_columns_are_named() -> None:
    table = json_table(b'{"a": 1, "z": 3}\n{"b": 2}\n', wanted=("a", "b", "c"))
    assert rows_of(table) == [("1", "", ""), ("", "2", "")]
    assert set(table.found) == {"a", "b"}


@pytest.mark.parametrize("content", [b"", b'[{"a": 1},\n {"a": 2}]', b"a,b\n1,2\n"])
def test_a_file_without_any_object_is_refused(content: bytes) -> None:
    with pytest.raises(InputFileError, match="JSON object on each line") as caught:
        rows_of(json_table(content))
    assert caught.value.code == "dialect"


def test_rows_and_columns_are_limited() -> None:
    limits = InputLimits(rows=2, columns=2)
    assert len(rows_of(json_table(b'{"a":1}\n{"b":1}\n', limits=limits))) == 2
    for content, code in (
        (b'{"a":1}\n' * 3, "too-many-rows"),
        (b'{"a":1,"b":1,"c":1}', "too-many-columns"),
        (b'{"a":1,"b":1}\n{"c":1}', "too-many-columns"),
    ):
        with pytest.raises(InputFileError) as caught:
            rows_of(json_table(content, limits=limits))
        assert caught.value.code == code
