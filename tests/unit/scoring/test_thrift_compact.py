"""Thrift's compact protocol, read from bytes that may be anyone's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn_core.scoring.thrift_compact import CompactReader, ThriftError, varint_bytes

# Field 1, an i64 of 300; field 3, text; field 20, a list of two structs with an i32 each; the end.
STRUCT = bytes.fromhex("16d804 28026869 09282c 1504 00 1506 00 00".replace(" ", ""))


def test_a_struct_is_read_by_its_fields() -> None:
    reader = CompactReader(STRUCT)
    assert reader.struct({1: int, 3: bytes, 20: [{1: int}]}) == {1: 300, 3: b"hi", 20: [{1: 2}, {1: 3}]}
    assert reader.position == len(STRUCT)


def test_fields_that_nobody_asks_for_are_passed_over() -> None:
    reader = CompactReader(STRUCT)
    assert reader.struct({3: bytes}) == {3: b"hi"}
    assert reader.position == len(STRUCT)


@pytest.mark.parametrize(
    ("field", "left"),
    [
        ("11", ""),  # true
        ("12", ""),  # false
        ("137f", ""),  # a byte
        ("14ff01", ""),  # an i16
        ("17" + "00" * 8, ""),  # a double
        ("1d" + "00" * 16, ""),  # a UUID
        ("19310102 01".replace(" ", ""), ""),  # a list of three booleans
        ("1a2502 04".replace(" ", ""), ""),  # a set of two i32
        ("1b00", ""),  # an empty map
        ("1b0285016101 0262 63 04".replace(" ", ""), None),  # a map from text to i32
        ("1c1502 00".replace(" ", ""), ""),  # a struct
    ],
)
def test_every_kind_of_value_is_passed_over(field: str, left: str | None) -> None:
    if left is None:
        field = "1b0285" + "0161" + "02" + "0162" + "04"
    reader = CompactReader(bytes.fromhex(field + "00"))
    assert reader.struct({}) == {}
    assert reader.position == len(bytes.fromhex(field)) + 1


@pytest.mark.parametrize(
    "content",
    [
        "",  # nothing
        "16",  # a field without its value
        "16" + "ff" * 11,  # an integer of more than 64 bits
        "18" + "ffffffff0f" + "61",  # a text longer than the bytes
        "19fcffffffff0f",  # a list longer than the bytes
        "1bffffffff0f55",  # a map longer than the bytes
        "1e00",  # a type that does not exist
        "1c" * 40,  # nested deeper than anybody writes
        "19 1c".replace(" ", "") * 40,
        "180161",  # no end
    ],
)
def test_what_is_no_struct_is_refused(content: str) -> None:
    with pytest.raises(ThriftError):
        CompactReader(bytes.fromhex(content)).struct({})


def test_a_field_of_another_type_is_refused() -> None:
    for wanted in ({1: bytes}, {1: {1: int}}, {1: [{1: int}]}, {3: int}, {20: {1: int}}, {20: int}):
        with pytest.raises(ThriftError, match="another type"):
            CompactReader(STRUCT).struct(wanted)
    # A list of integers, where one of structs is wanted.
    with pytest.raises(ThriftError, match="another type"):
        CompactReader(bytes.fromhex("1925040600")).struct({1: [{1: int}]})


@given(st.binary(max_size=200))
def test_any_bytes_are_a_struct_or_refused(content: bytes) -> None:
    reader = CompactReader(content)
    try:
        reader.struct({1: int, 2: {3: bytes}, 4: [{1: {1: int}}]})
    except ThriftError:
        return
    assert reader.position <= len(content)


@given(st.integers(0, 2**63 - 1))
def test_a_written_integer_is_read_again(number: int) -> None:
    assert CompactReader(varint_bytes(number)).varint() == number
