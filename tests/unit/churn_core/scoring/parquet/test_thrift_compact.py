"""Thrift's compact protocol, read from untrusted bytes."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn_core.scoring.parquet.thrift_compact import CompactReader, ThriftError, varint_bytes

# Field 1, an i64 of 300; field 3, text; field 20, a list of two structs with an i32 each; the end.
STRUCT = bytes.fromhex("16d804 28026869 09282c 1504 00 1506 00 00".replace(" ", ""))


def test_a_struct_is_read_by_its_fields() -> None:
    reader = CompactReader(STRUCT)
    assert reader.struct({1: int, 3: bytes, 20: [{1: int}]}) == {1: 300, 3: b"hi", 20: [{1: 2}, {1: 3}]}
    assert reader.position == len(STRUCT)


def test_fields_that_are_not_wanted_are_skipped() -> None:
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
def test_values_of_every_type_are_skipped(field: str, left: str | None) -> None:
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
        "1c" * 40,  # nested too deep
        "19 1c".replace(" ", "") * 40,
        "180161",  # no end
    ],
)
def test_bytes_that_are_not_a_struct_are_refused(content: str) -> None:
    with pytest.raises(ThriftError):
        CompactReader(bytes.fromhex(content)).struct({})


def test_a_field_of_another_type_is_refused() -> None:
    for wanted in ({1: bytes}, {1: {1: int}}, {1: [{1: int}]}, {3: int}, {20: {1: int}}, {20: int}):
        with pytest.raises(ThriftError, match="another type"):
            CompactReader(STRUCT).struct(wanted)
    # A list of integers where a list of structs is wanted.
    with pytest.raises(ThriftError, match="another type"):
        CompactReader(bytes.fromhex("1925040600")).struct({1: [{1: int}]})


def nested(kind: str, depth: int) -> bytes:
    if kind == "struct":
        return b"\x1c" * depth + b"\0" * depth
    # A list of one list of one list ..., the innermost empty.
    return bytes.fromhex("19" + "19" * (depth - 1) + "05")


@pytest.mark.parametrize("kind", ["struct", "list"])
def test_nesting_has_a_limit(kind: str) -> None:
    CompactReader(nested(kind, 32) + b"\0").struct({})
    with pytest.raises(ThriftError, match="nested too deep"):
        CompactReader(nested(kind, 33) + b"\0").struct({})
    with pytest.raises(ThriftError, match="nested too deep"):
        CompactReader(nested(kind, 1_000_000) + b"\0").struct({})


def test_structs_are_read_one_at_a_time() -> None:
    reader = CompactReader(STRUCT)
    kinds = {}
    for number, kind in reader.fields():
        if number == 20:
            structs = reader.structs(kind, {1: int})
            kinds[number] = [next(structs), reader.position, next(structs), list(structs)]
        else:
            reader.skip(kind)
    assert kinds == {20: [{1: 2}, len(STRUCT) - 4, {1: 3}, []]}
    assert reader.position == len(STRUCT)


def test_a_value_that_is_not_a_list_of_structs_is_refused() -> None:
    with pytest.raises(ThriftError, match="another type"):
        next(CompactReader(b"\x15\0").structs(9, {}))
    with pytest.raises(ThriftError, match="another type"):
        next(CompactReader(b"\x1c\0").structs(8, {}))
    # Some writers give an empty list the type 0.
    assert list(CompactReader(b"\0").structs(9, {})) == []


def zigzag(number: int) -> bytes:
    return varint_bytes(number << 1 if number >= 0 else -2 * number - 1)


# Types of the protocol by their names in these tests, and how each is written.
INT, TEXT, STRUCTS, TRUTH, REAL, MAP = 6, 8, 9, 1, 7, 11
VALUES = st.recursive(
    st.one_of(
        st.tuples(st.just(INT), st.integers(-(2**63), 2**63 - 1)),
        st.tuples(st.just(TEXT), st.binary(max_size=200)),
        st.tuples(st.just(TRUTH), st.booleans()),
        st.tuples(st.just(REAL), st.binary(min_size=8, max_size=8)),
        st.tuples(st.just(MAP), st.dictionaries(st.binary(max_size=3), st.booleans(), max_size=20)),
    ),
    lambda value: st.tuples(
        st.just(STRUCTS), st.lists(st.dictionaries(st.integers(1, 2**15 - 1), value, max_size=4), max_size=18)
    ),
    max_leaves=12,
)


def encoded(kind: int, value: Any) -> bytes:
    if kind == INT:
        return zigzag(value)
    if kind == TEXT:
        text: bytes = value
        return varint_bytes(len(text)) + text
    if kind == REAL:
        return bytes(value)
    if kind == TRUTH:
        return b""
    if kind == MAP:
        pairs = b"".join(encoded(TEXT, key) + bytes([2 - held]) for key, held in value.items())
        return varint_bytes(len(value)) + (b"\x81" + pairs if value else b"")
    header = bytes([len(value) << 4 | 12]) if len(value) < 15 else b"\xfc" + varint_bytes(len(value))
    return header + b"".join(map(struct_of, value))


def struct_of(fields: dict[int, tuple[int, Any]]) -> bytes:
    written, before = b"", 0
    for number, (kind, value) in fields.items():
        kind_written = 2 - value if kind == TRUTH else kind
        if 0 < number - before < 16:
            written += bytes([(number - before) << 4 | kind_written])
        else:
            written += bytes([kind_written]) + zigzag(number)
        written += encoded(kind, value)
        before = number
    return written + b"\0"


def wanted_of(fields: dict[int, tuple[int, Any]]) -> tuple[dict[int, Any], dict[int, Any]]:
    """Return the wanted fields, and the values that must be found."""
    wanted: dict[int, Any] = {}
    expected: dict[int, Any] = {}
    for number, (kind, value) in fields.items():
        if kind in (INT, TEXT):
            wanted[number], expected[number] = {INT: int, TEXT: bytes}[kind], value
        elif kind == STRUCTS:
            # The structs of a list may differ; the fields of the first are wanted.
            inner = wanted_of(value[0])[0] if len(value) == 1 else {}
            wanted[number] = [inner]
            expected[number] = [wanted_of(value[0])[1]] if len(value) == 1 else [{} for _ in value]
    return wanted, expected


@given(
    st.dictionaries(st.integers(-(2**15), 2**15 - 1), VALUES, max_size=8),
    st.binary(max_size=5),
    st.integers(0, 2**20),
)
def test_written_values_are_read_and_skipped(
    fields: dict[int, tuple[int, Any]], behind: bytes, cut: int
) -> None:
    content = struct_of(fields)
    wanted, expected = wanted_of(fields)
    for asked, answer in ((wanted, expected), ({}, {})):
        reader = CompactReader(content + behind)
        assert reader.struct(asked) == answer
        assert reader.position == len(content)
        with pytest.raises(ThriftError):
            CompactReader(content[: cut % len(content)]).struct(asked)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 30), st.integers(1, 8), st.booleans())
def test_arrow_reads_the_same_values_from_a_footer(rows: int, group_rows: int, dictionary: bool) -> None:
    sink = pa.BufferOutputStream()
    table = pa.table({"a": [f"é{row}" for row in range(rows)], "b": list(range(rows))})
    pq.write_table(table, sink, row_group_size=group_rows, use_dictionary=dictionary)
    content = sink.getvalue().to_pybytes()
    metadata = pq.read_metadata(pa.BufferReader(content))

    chunk = dict.fromkeys((5, 6, 7, 9, 11), int)
    footer = CompactReader(content, len(content) - 8 - metadata.serialized_size).struct(
        {2: [{4: bytes}], 3: int, 4: [{1: [{3: chunk}], 3: int}], 6: bytes}
    )

    assert footer[3] == metadata.num_rows
    assert footer[6].decode() == metadata.created_by
    assert [element[4].decode() for element in footer[2]] == ["schema", "a", "b"]
    assert [group[3] for group in footer[4]] == [
        metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)
    ]
    for group, read in enumerate(footer[4]):
        for column, described in enumerate(read[1]):
            known = metadata.row_group(group).column(column)
            assert described[3] == {
                number: value
                for number, value in (
                    (5, known.num_values),
                    (6, known.total_uncompressed_size),
                    (7, known.total_compressed_size),
                    (9, known.data_page_offset),
                    (11, known.dictionary_page_offset),
                )
                if value is not None
            }


@given(st.binary(max_size=200))
def test_random_bytes_are_a_struct_or_are_refused(content: bytes) -> None:
    reader = CompactReader(content)
    try:
        reader.struct({1: int, 2: {3: bytes}, 4: [{1: {1: int}}]})
    except ThriftError:
        return
    assert reader.position <= len(content)


@given(st.integers(0, 2**63 - 1))
def test_a_written_integer_is_read_back(number: int) -> None:
    # Only the bytes of the integer matter here.
    assert CompactReader(b"\x16" + varint_bytes(2 * number) + b"\0").struct({1: int}) == {1: number}
