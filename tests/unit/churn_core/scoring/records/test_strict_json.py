"""Strict JSON: equal values and faults with and without orjson, checked against the standard library."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from churn_core.scoring.records.strict_json import (
    MAX_JSON_DEPTH,
    MAX_NUMBER_LENGTH,
    JsonRefusedError,
    nesting_depth,
    parse_json,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    Loads = Callable[[bytes], Any] | None

checked = settings(max_examples=400, deadline=None, database=None, derandomize=True)
with_and_without_orjson = pytest.mark.parametrize("fast_loads", [None, orjson.loads], ids=["json", "orjson"])

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


def depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    return 0


def expected(text: bytes) -> str:
    """Return the value's `repr`, or ``refused``, as the standard library and plain checks decide."""
    refused = False

    def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal refused
        refused |= len(dict(pairs)) < len(pairs)
        return dict(pairs)

    def short(digits: str) -> str:
        nonlocal refused
        refused |= len(digits) > MAX_NUMBER_LENGTH
        return digits

    def constant(name: str) -> None:
        nonlocal refused
        refused = True

    try:
        value = json.loads(
            text.decode(),
            object_pairs_hook=distinct,
            parse_int=lambda digits: int(short(digits)),
            parse_float=lambda digits: float(short(digits)),
            parse_constant=constant,
        )
    except ValueError:
        return "refused"
    return "refused" if refused or depth(value) > MAX_JSON_DEPTH else repr(value)


def found(text: bytes, fast_loads: Loads) -> str:
    try:
        return repr(parse_json(text, fast_loads))
    except JsonRefusedError:
        return "refused"


def as_json(value: Any, ascii_only: bool) -> bytes:
    """Write a value; half a surrogate pair can only be written as an escape."""
    try:
        return json.dumps(value, ensure_ascii=ascii_only).encode()
    except UnicodeEncodeError:
        return json.dumps(value).encode()


@with_and_without_orjson
@checked
@given(values, st.booleans())
@example({"a": {"b": {"c": 1}}}, False)
@example(-0.0, False)
@example({"n": 2**63, "m": -(2**63), "k": 1e22}, False)
def test_every_value_is_read_exactly(fast_loads: Loads, value: Any, ascii_only: bool) -> None:
    text = as_json(value, ascii_only)
    assert found(text, fast_loads) == expected(text)


@with_and_without_orjson
@checked
@given(st.lists(st.tuples(st.sampled_from(["a", "b", "\\u0061", "a:"]), scalars), max_size=4), st.booleans())
def test_every_repeated_key_is_found(fast_loads: Loads, pairs: list[tuple[str, Any]], nested: bool) -> None:
    inner = "{" + ", ".join(f'"{key}": {json.dumps(value)}' for key, value in pairs) + "}"
    text = (f'{{"customers": [{inner}, {{"x": {inner}}}]}}' if nested else inner).encode()
    assert found(text, fast_loads) == expected(text)


@with_and_without_orjson
@checked
@given(st.text(alphabet='{}[]":,0123456789eE+-. \\u00ab\ntrufalsnl', max_size=30))
def test_text_that_looks_like_json_is_refused_where_the_standard_library_refuses_it(
    fast_loads: Loads, text: str
) -> None:
    assert found(text.encode(), fast_loads) == expected(text.encode())


@with_and_without_orjson
@checked
@given(st.binary(max_size=60))
def test_any_bytes_are_either_read_or_refused(fast_loads: Loads, text: bytes) -> None:
    found(text, fast_loads)


@checked
@given(values)
def test_nesting_depth_is_that_of_the_value(value: Any) -> None:
    for ascii_only in (True, False):
        text = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
        assert nesting_depth(text) == depth(value)


@pytest.mark.parametrize(
    ("text", "levels"),
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
def test_nesting_depth_of_invalid_json(text: str, levels: int) -> None:
    assert nesting_depth(text.encode()) == levels


@with_and_without_orjson
@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"\xef\xbb\xbf1", "bad-encoding"),
        (b"1\x002\x00", "bad-encoding"),
        (b"\xff", "bad-encoding"),
        (b'{"gender": "\xc3"}', "bad-encoding"),
        (b"NaN", "malformed-json"),
        (b"-Infinity", "malformed-json"),
        (b"1" * 33, "malformed-json"),
        (b"1" * 5_000, "malformed-json"),
        (b"1." + b"0" * 31, "malformed-json"),
        (b'{"a": 1,}', "malformed-json"),
        (b'{"a": 1, "a": 1}', "duplicate-key"),
        (b'[{"b": {"a": 1, "a": 1}}]', "duplicate-key"),
        (b'{"note": "a:b", "a": 1, "a": 1}', "duplicate-key"),
        (b"[" * 9 + b"]" * 9, "too-deep"),
        (b"[" * 9, "too-deep"),
        (b"[" * 100_000, "too-deep"),
        (b'{"a":' * 5_000 + b"1" + b"}" * 5_000, "too-deep"),
    ],
)
def test_each_fault_has_its_code(fast_loads: Loads, text: bytes, code: str) -> None:
    with pytest.raises(JsonRefusedError) as caught:
        parse_json(text, fast_loads)
    assert caught.value.code == code


@with_and_without_orjson
@pytest.mark.parametrize("levels", [9, 100, 500, 900, 960, 1_000, 2_000])
def test_deep_nesting_in_a_dropped_value_is_refused(fast_loads: Loads, levels: int) -> None:
    with pytest.raises(JsonRefusedError):
        parse_json(b'{"x": ' + b'{"a":' * levels + b"1" + b"}" * levels + b', "x": 1}', fast_loads)


@with_and_without_orjson
@pytest.mark.parametrize(
    "text", [b"1" * 32, b'"' + b"1" * 5_000 + b'"', b"1e999", rb'"\ud800"', b"[" * 8 + b"]" * 8]
)
def test_the_limits_themselves_are_allowed(fast_loads: Loads, text: bytes) -> None:
    assert repr(parse_json(text, fast_loads)) == repr(json.loads(text))
