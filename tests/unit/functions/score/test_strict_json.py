"""The quick reader and the careful one agree on every body; depth is that of the brackets outside text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from functions.score import strict_json
from functions.score.errors import (
    BadEncodingError,
    DuplicateKeyError,
    MalformedJsonError,
    RequestRefusedError,
    TooDeepError,
)
from functions.score.limits import MAX_JSON_DEPTH
from functions.score.strict_json import nesting_depth, parse_json

checked = settings(max_examples=400, deadline=None, database=None, derandomize=True)

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(['":', "a:b", '\\"', "[{", "]}", "e" * 25, "0" * 40, "\u2028", "😀", "\ud83d"])
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
)


def verdict(read: Any, body: Any) -> Any:
    try:
        return repr(read(body))
    except RequestRefusedError as error:
        return type(error)


def as_json(value: Any, ascii_only: bool) -> bytes:
    """Write a value; half a surrogate pair can only be written as an escape."""
    try:
        return json.dumps(value, ensure_ascii=ascii_only).encode()
    except UnicodeEncodeError:
        return json.dumps(value).encode()


def carefully(body: bytes) -> Any:
    """Read as the careful reader alone would."""
    if nesting_depth(body) > MAX_JSON_DEPTH:
        raise TooDeepError
    return strict_json._carefully(body)


@checked
@given(values, st.booleans())
@example({"a": {"b": {"c": 1}}}, False)
@example(-0.0, False)
@example({"n": 2**63, "m": -(2**63), "k": 1e22}, False)
def test_both_readers_give_the_same_values(value: Any, ascii_only: bool) -> None:
    body = as_json(value, ascii_only)
    assert verdict(parse_json, body) == verdict(carefully, body)


@checked
@given(st.lists(st.tuples(st.sampled_from(["a", "b", "\\u0061", "a:"]), scalars), max_size=4), st.booleans())
def test_both_readers_find_the_same_keys_twice(pairs: list[tuple[str, Any]], nested: bool) -> None:
    inner = "{" + ", ".join(f'"{key}": {json.dumps(value)}' for key, value in pairs) + "}"
    body = (f'{{"customers": [{inner}, {{"x": {inner}}}]}}' if nested else inner).encode()
    assert verdict(parse_json, body) == verdict(carefully, body)


@checked
@given(st.text(alphabet='{}[]":,0123456789eE+-. \\u00ab\ntrufalsnl', max_size=30))
def test_both_readers_refuse_the_same_texts(text: str) -> None:
    body = text.encode()
    assert verdict(parse_json, body) == verdict(carefully, body)


@checked
@given(st.binary(max_size=60))
def test_no_bytes_are_anything_but_a_value_or_a_refusal(body: bytes) -> None:
    verdict(parse_json, body)


@checked
@given(values)
def test_depth_is_that_of_the_value(value: Any) -> None:
    def depth(part: Any) -> int:
        if isinstance(part, dict):
            return 1 + max(map(depth, part.values()), default=0)
        if isinstance(part, list):
            return 1 + max(map(depth, part), default=0)
        return 0

    assert nesting_depth(json.dumps(value).encode()) == depth(value)
    assert nesting_depth(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")) == depth(
        value
    )


@pytest.mark.parametrize(
    ("text", "depth"),
    [
        ('{"a": "]]]"}', 1),
        ('["[", "[", "\\"["]', 1),
        ('["a""[b"]', 1),
        ('["\\\\", ["\\\\"]]', 2),
        ("]]]][", 0),
        ("[[[[", 4),
        ('"[[[[', 0),
        ('["', 1),
        ("", 0),
    ],
)
def test_depth_of_text_that_is_no_json(text: str, depth: int) -> None:
    assert nesting_depth(text.encode()) == depth


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"\xef\xbb\xbf1", BadEncodingError),
        (b"1\x002\x00", BadEncodingError),
        (b"\xff", BadEncodingError),
        (b"NaN", MalformedJsonError),
        (b"-Infinity", MalformedJsonError),
        (b"1" * 33, MalformedJsonError),
        (b"1." + b"0" * 31, MalformedJsonError),
        (b'{"a": 1, "a": 1}', DuplicateKeyError),
        (b'[{"b": {"a": 1, "a": 1}}]', DuplicateKeyError),
        (b"[" * 9 + b"]" * 9, TooDeepError),
    ],
)
def test_each_refusal_has_its_type(body: bytes, error: type[RequestRefusedError]) -> None:
    with pytest.raises(error):
        parse_json(body)
