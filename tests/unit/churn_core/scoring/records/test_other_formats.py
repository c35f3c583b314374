"""What is sent instead of JSON is named, and no value of it is repeated."""

from __future__ import annotations

import pytest

from churn_core.scoring.records.other_formats import describe_other_format
from churn_core.scoring.records.strict_json import parse_json


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (b"", "empty"),
        (b" \r\n\t", "empty"),
        (b"\n<?xml version='1.0'?><a/>", "XML or HTML"),
        (b"<!doctype html>", "XML or HTML"),
        (b"PAR1\x15\x04", "Parquet"),
        (b'{"a": 1}\n{"a": 2}', "JSON lines"),
        (b'{"a": 1}\r\n\r\n{"a": 2}\r\n', "JSON lines"),
        (b"{'a': 1}", "Python"),
        (b"[{'a': 1}]", "Python"),
        (b'{"a": None}', "Python"),
        (b'[{"a": 1, "b":True}]', "Python"),
        (b'{"a": NaN}', "Python"),
        (b"a=1", "a form"),
        (b"Monthly+Charges=29.85&tenure=%33", "a form"),
        (b"a,b\n1,2", "CSV"),
        (b"a;b\r\n1;2\r\n", "CSV"),
        (b"a\tb", "CSV"),
    ],
)
def test_another_format_is_named(text: bytes, named: str) -> None:
    assert named in str(describe_other_format(text))


@pytest.mark.parametrize(
    "text", [b"{", b"[1, 2", b"secret", b'{"a": 1,}', b'"half', b"9" * 40, b'{"a": 1} trailing', b"\x1f\x8b"]
)
def test_broken_json_is_not_taken_for_another_format(text: bytes) -> None:
    assert describe_other_format(text) is None


def test_a_byte_order_mark_before_json_is_ignored() -> None:
    assert parse_json(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}
