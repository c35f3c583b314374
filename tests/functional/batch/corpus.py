"""Files of part C of the reliability contract, each with its row and its expected outcome."""

from __future__ import annotations

import gzip
import io
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe

from churn_core.scoring.parquet.thrift_compact import CompactReader, varint_bytes
from tests.functional.customer_files import CANARY

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Case:
    """A file and its expected outcome: a quarantine code, or the rejected rows by code of a scored file."""

    content: bytes
    end: str | dict[str, int]
    rows: int = 0


def parquet(table: pa.Table, **options: Any) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, **options)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def replaced(table: pa.Table, name: str, values: Any) -> pa.Table:
    """Return the table's first rows with a column replaced or added."""
    array = values if isinstance(values, pa.Array) else pa.array(values)
    table = table.slice(0, len(array))
    position = table.schema.get_field_index(name)
    return table.set_column(position, name, array) if position >= 0 else table.append_column(name, array)


def forged_footer(content: bytes, change: Callable[[bytes], bytes]) -> bytes:
    start = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    footer = change(content[start:-8])
    return content[:start] + footer + len(footer).to_bytes(4, "little") + b"PAR1"


def zigzag(number: int) -> bytes:
    return varint_bytes(((number << 1) ^ (number >> 63)) & (2**64 - 1))


def claiming_rows(content: bytes, rows: int, claim: int) -> bytes:
    """Replace a row count everywhere in the footer."""
    true, false = (b"\x16" + zigzag(number) for number in (rows, claim))
    return replaced_in_footer(content, true, false)


def replaced_in_footer(content: bytes, old: bytes, new: bytes) -> bytes:
    return forged_footer(content, lambda footer: footer.replace(old, new))


def lying_footers(table: pa.Table, claims: Callable[[int], list[int]]) -> dict[str, bytes]:
    """Return files in whose footer one number is wrong.

    Parameters
    ----------
    table : Table
    claims : callable
        Takes the true number; returns the false ones.
    """
    content, rows = parquet(table), table.num_rows
    group = pq.read_metadata(pa.BufferReader(content)).row_group(0)
    column = group.column(5)
    # In thrift, 0x16 is a 64-bit number one field after the last, and 0x26 one two fields after it.
    near, far = b"\x16", b"\x26"
    numbers = {
        "rows of the file": (near, rows, 0),
        "values of a column": (near, rows, 1),
        "rows of a group": (near, rows, 1 + group.num_columns),
        "bytes of a group": (near, group.total_byte_size, 0),
        "bytes of a column": (near, column.total_uncompressed_size, 0),
        "compressed bytes of a column": (near, column.total_compressed_size, 0),
        "start of the pages": (far, column.data_page_offset, 0),
        "start of the dictionary": (far, column.dictionary_page_offset, 0),
    }

    def lie(head: bytes, true: int, place: int, claim: int) -> bytes:
        def change(footer: bytes) -> bytes:
            pieces = footer.split(head + zigzag(true))
            assert len(pieces) > place + 1
            before, after = pieces[: place + 1], pieces[place + 1 :]
            old = head + zigzag(true)
            return old.join(before) + head + zigzag(claim) + old.join(after)

        return forged_footer(content, change)

    found = {
        f"{name}: {claim}": lie(head, true, place, claim)
        for name, (head, true, place) in numbers.items()
        for claim in claims(true)
    }
    # A list of structs one field after the number of rows, with its length.
    before_groups = near + zigzag(rows) + b"\x19"
    for name, length in {"0": b"\x0c", "2": b"\x2c", "endless": b"\xfc\xff\xff\xff\xff\x07"}.items():
        found[f"row groups: {name}"] = replaced_in_footer(
            content, before_groups + b"\x1c", before_groups + length
        )
    return found


def claiming_codec(content: bytes, codec: int, claim: int) -> bytes:
    """Replace the codec of every column; it comes before the number of values, which is near."""
    rows = pq.read_metadata(pa.BufferReader(content)).num_rows
    true, false = (b"\x15" + zigzag(number) + b"\x16" + zigzag(rows) for number in (codec, claim))
    changed = replaced_in_footer(content, true, false)
    assert changed != content
    return changed


def page_claiming(content: bytes, claim: int) -> bytes:
    """Replace the uncompressed size in the header of the last column's first data page."""
    group = pq.read_metadata(pa.BufferReader(content)).row_group(0)
    column = group.column(group.num_columns - 1)
    start = column.data_page_offset
    reader = CompactReader(content[start:])
    sizes = reader.struct({2: int})
    # The kind of page, and its size: two 32-bit numbers, each one field after the last.
    head, size = b"\x15" + zigzag(0) + b"\x15", zigzag(sizes[2])
    assert content.startswith(head + size, start)
    longer = len(zigzag(claim)) - len(size)
    changed = content[:start] + head + zigzag(claim) + content[start + len(head + size) :]
    return claiming_rows(changed, column.total_compressed_size, column.total_compressed_size + longer)


class _Keys(pe.KmsClient):  # type: ignore[misc]
    """Returns keys unencrypted; only the file's mark as encrypted matters here."""

    def wrap_key(self, key_bytes: bytes, master_key_identifier: str) -> bytes:
        return key_bytes

    def unwrap_key(self, wrapped_key: bytes, master_key_identifier: str) -> bytes:
        return wrapped_key


def encrypted(table: pa.Table, *, footer_too: bool) -> bytes:
    factory = pe.CryptoFactory(lambda _: _Keys())
    settings = pe.EncryptionConfiguration(
        footer_key="footer", column_keys={"column": ["Contract"]}, plaintext_footer=not footer_too
    )
    properties = factory.file_encryption_properties(pe.KmsConnectionConfig(), settings)
    sink = io.BytesIO()
    with pq.ParquetWriter(sink, table.schema, encryption_properties=properties) as writer:
        writer.write_table(table)
    return sink.getvalue()


def with_broken_page(table: pa.Table) -> bytes:
    """Return a file with a changed byte in a page that has a checksum."""
    content = bytearray(parquet(table, write_page_checksum=True, compression="none", use_dictionary=False))
    place = content.index(struct.pack("<d", float(table["MonthlyCharges"][0].as_py())))
    content[place] ^= 1
    return bytes(content)


def nested(table: pa.Table, depth: int) -> pa.Table:
    values = pa.array([1] * table.num_rows)
    for _ in range(depth - 1):
        values = pa.StructArray.from_arrays([values], ["x"])
    return table.append_column("unused", values)


def many_customers(table: pa.Table, rows: int) -> pa.Table:
    return table.take(np.arange(rows) % table.num_rows)


def corpus(table: pa.Table) -> dict[str, Case]:
    """Return every case, from a table of valid customers in which `MonthlyCharges` is a double."""
    sound, n = parquet(table), table.num_rows
    sixteen = table.slice(0, 4)
    charges = sixteen["MonthlyCharges"]
    cases: dict[str, Case] = {}

    def refused(name: str, content: bytes | pa.Table, code: str) -> None:
        cases[name] = Case(content if isinstance(content, bytes) else parquet(content), code)

    def scored(name: str, content: bytes | pa.Table, rows: int, **rejects: int) -> None:
        cases[name] = Case(content if isinstance(content, bytes) else parquet(content), rejects, rows)

    for name, content in {
        "empty": b"",
        "html": b"<html></html>" * 9,
        "csv": b"customerID,tenure\nC1,3\n" * 9,
        "json": b'{"customerID": "C1"}' * 9,
        "gzip": gzip.compress(sound),
    }.items():
        refused(f"c1-{name}", content, "not-parquet")
    refused("c1-thrice-the-magic", b"PAR1" * 3, "corrupt")
    for name, content in {
        "short-of-ten": sound[:-10],
        "half": sound[: n * 8],
        "byte-behind": sound + b"x",
        "footer-length": sound[:-8] + (2**31 - 1).to_bytes(4, "little") + b"PAR1",
        "footer-of-zeros": sound[:-8] + bytes(64) + (64).to_bytes(4, "little") + b"PAR1",
    }.items():
        refused(f"c2-{name}", content, "corrupt")
    refused("c2-without-head", sound[3:], "not-parquet")
    scored("c3-no-rows", table.slice(0, 0), 0)
    refused("c4-no-columns", pa.table({}), "schema")
    refused("c5-column-missing", table.drop_columns(["Contract"]), "schema")
    scored("c5-column-extra", table.append_column("extra", pa.array([CANARY] * n)), n)
    refused(
        "c6-filename",
        table.rename_columns(["filename" if c == "gender" else c for c in table.column_names]),
        "schema",
    )
    refused(
        "c7-twice",
        pa.Table.from_arrays([*table.columns, table["tenure"]], [*table.column_names, "tenure"]),
        "duplicate-column",
    )
    refused("c8-in-other-case", table.append_column("TENURE", table["tenure"]), "duplicate-column")
    refused(
        "c9-other-case",
        table.rename_columns(["Tenure" if c == "tenure" else c for c in table.column_names]),
        "schema",
    )
    refused(
        "c9-blank",
        table.rename_columns([" tenure" if c == "tenure" else c for c in table.column_names]),
        "schema",
    )
    for number, name in enumerate(['"; DROP TABLE x; --', "a\nb", "x" * 10_000, ""]):
        scored(f"c10-odd-name-{number}", table.append_column(name, pa.array([1] * n)), n)
    refused(
        "c11-number-as-text",
        replaced(table, "MonthlyCharges", [str(v) for v in table["MonthlyCharges"].to_pylist()]),
        "schema",
    )
    for kind in (pa.int8(), pa.uint8(), pa.int16(), pa.uint64(), pa.float32(), pa.decimal128(38, 10)):
        scored(f"c12-{kind}", replaced(sixteen, "tenure", pa.array([1, 2, 3, 4]).cast(kind)), 4)
    scored(
        "c12-beyond-a-double",
        replaced(sixteen, "tenure", pa.array([1, 2**53 + 1, 2**62, 4])),
        4,
        out_of_range=2,
    )
    scored(
        "c13-not-finite",
        replaced(sixteen, "MonthlyCharges", [float("inf"), -float("inf"), 1e39, 20.0]),
        4,
        not_finite=2,
        out_of_range=1,
    )
    scored(
        "c13-nan-and-minus-zero",
        replaced(sixteen, "MonthlyCharges", [float("nan"), 20.0, 20.0, 20.0]),
        4,
        missing=1,
    )
    scored("c14-null", replaced(sixteen, "MonthlyCharges", pa.array([None, 20.0, 20.0, 20.0])), 4, missing=1)
    scored("c14-nullable", replaced(sixteen, "TotalCharges", pa.array([None] * 4, pa.string())), 4)
    for kind in (pa.timestamp("ns"), pa.timestamp("us", "UTC"), pa.date32(), pa.time64("us")):
        refused(
            f"c15-{kind}",
            replaced(
                sixteen,
                "tenure",
                pa.array([1, 2, 3, 4]).cast(pa.int32() if kind == pa.date32() else pa.int64()).cast(kind),
            ),
            "schema",
        )
    scored(
        "c15-unused-timestamp",
        table.append_column("at", pa.array([0] * n).cast(pa.timestamp("us", "UTC"))),
        n,
    )
    refused("c16-struct", replaced(sixteen, "Contract", pa.array([{"a": 1}] * 4)), "schema")
    refused("c16-list", replaced(sixteen, "Contract", pa.array([["Two year"]] * 4)), "schema")
    scored("c16-nested-64", nested(sixteen, 64), 4)
    refused("c16-nested-65", nested(sixteen, 65), "schema")
    for codec in ("none", "snappy", "gzip", "brotli", "zstd", "lz4"):
        scored(
            f"c17-{codec}",
            parquet(table, compression=codec, data_page_version="2.0", write_page_checksum=True),
            n,
        )
    scored(
        "c17-dictionary",
        table.set_column(
            table.schema.get_field_index("Contract"), "Contract", table["Contract"].dictionary_encode()
        ),
        n,
    )
    scored("c17-null-type", table.append_column("nothing", pa.nulls(n)), n)
    broken = pa.Array.from_buffers(
        pa.string(),
        4,
        [None, pa.py_buffer(np.array([0, 2, 4, 6, 8], dtype=np.int32)), pa.py_buffer(b"\xff\xfe" * 4)],
    )
    refused("c18-no-utf8", replaced(sixteen, "Contract", broken), "corrupt")
    scored(
        "c19-zero-byte",
        replaced(sixteen, "Contract", [f"{CANARY}\0", "x" * 257, "Two year", "Two year"]),
        4,
        invalid_unicode=1,
        too_long=1,
    )
    refused("c20-encrypted-footer", encrypted(table, footer_too=True), "encrypted")
    refused("c20-encrypted-column", encrypted(table, footer_too=False), "encrypted")
    refused("c21-broken-page", with_broken_page(table), "corrupt")
    refused("c25-fewer-rows", claiming_rows(sound, n, 3), "corrupt")
    refused("c25-more-rows", claiming_rows(sound, n, 1_000), "corrupt")
    refused("c25-negative-rows", claiming_rows(sound, n, -1), "corrupt")
    refused("c26-endless-rows", claiming_rows(sound, n, 2**60), "too-many-rows")
    refused("c29-columns", pa.table({f"c{i}": [1] for i in range(1_001)}), "too-many-columns")
    refused("c29-row-groups", parquet(many_customers(table, 4_097), row_group_size=1), "too-many-row-groups")
    scored(
        "c31-all-rejected",
        replaced(sixteen, "MonthlyCharges", pa.array([None] * 4, pa.float64())),
        4,
        missing=4,
    )
    scored(
        "c32-same-id-and-none", replaced(sixteen, "customerID", ["same", "same", None, "other"]), 4, missing=1
    )
    scored("c33-many-groups", parquet(many_customers(table, 5_000), row_group_size=7 * 64), 5_000)
    del charges
    return cases
