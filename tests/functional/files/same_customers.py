"""The same customers, stored with the types of several programs."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import duckdb
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


MEANINGS: Final = {
    "customer id": "id",
    "plan": "category",
    "region": "category",
    "months": "whole number",
    "fee": "number",
    "calls": "whole number in text",
    "senior": "flag",
    "paperless": "boolean",
    "plan code": "code",
    "signup": "date",
    "snapshot": "date",
}
LEAP, FIRST, LAST = date(2024, 2, 29), date(2023, 1, 1), date(2024, 12, 31)
ROWS: Final[list[tuple[Any, ...]]] = [
    (100001, "basic", "Z\u00fcrich", 3, Decimal("20.50"), 2, 1, True, 10, FIRST, LAST),
    (100002, "plus", "bern", 70, Decimal("99.99"), None, 0, False, 20, LEAP, LAST),
    (100003, "pro", "ZU\u0308RICH ", 0, Decimal("0.10"), 0, 1, False, 30, FIRST, LEAP),
    (100004, "iron", "Basel", 12, Decimal("1234.00"), 7, 0, True, 40, LAST, LAST),
    (100005, "basic", " Bern", 36, Decimal("45.00"), 1, 1, True, 10, date(2016, 2, 29), LEAP),
    (100006, None, None, 5, Decimal("1.50"), None, 1, False, 20, LEAP, LEAP),
]
CUSTOMERS: Final = [dict(zip(MEANINGS, row, strict=True)) for row in ROWS]
"""The customers, with an unknown plan, region and plan code in the fourth; the sixth has missing values."""

WHOLE: Final = ("id", "whole number", "whole number in text", "flag", "boolean", "code")
"""Meanings whose values are whole numbers; a boolean is 0 or 1."""


def stored_as(types: Mapping[str, pa.DataType]) -> pa.Table:
    """Store the customers with Arrow types, by meaning; numbers become text where the type is text."""
    columns = {}
    for name, meaning in MEANINGS.items():
        kind = types.get(meaning, types["category"] if meaning == "category" else None)
        values = [customer[name] for customer in CUSTOMERS]
        if meaning == "date":
            columns[name] = dates(values, kind)
        elif kind is None:
            columns[name] = pa.array(values)
        elif pa.types.is_boolean(kind):
            columns[name] = pa.array([bool(value) for value in values], kind)
        elif meaning == "category":
            columns[name] = pa.array(values).cast(kind)
        elif pa.types.is_decimal(kind):
            columns[name] = pa.array([None if v is None else Decimal(v) for v in values], kind)
        else:
            as_number = float if pa.types.is_floating(kind) else int
            columns[name] = pa.array([None if v is None else as_number(v) for v in values], kind)
    return pa.table(columns)


def dates(days: list[date], kind: pa.DataType | None) -> pa.Array:
    """Store days; a timestamp has a time of day, which does not count."""
    if kind is None or not pa.types.is_timestamp(kind):
        return pa.array(days, kind)
    return pa.array([datetime.combine(day, time(23, 59, 58), tzinfo=UTC) for day in days], kind)


def text(**written: Callable[[Any], str]) -> pa.Table:
    """Store numbers as text, each meaning as given; the others as Python has them."""
    table = stored_as({"category": pa.string(), "number": pa.float64(), "whole number": pa.int64()})
    for name, meaning in MEANINGS.items():
        if meaning.replace(" ", "_") in written:
            cells = [written[meaning.replace(" ", "_")](customer[name]) for customer in CUSTOMERS]
            table = table.set_column(table.schema.get_field_index(name), name, pa.array(cells))
    return table


def by_duckdb(folder: Path) -> Path:
    """Let DuckDB write the customers with its own types; HUGEINT becomes DOUBLE in Parquet."""
    path = folder / "duckdb.parquet"
    table = stored_as({"category": pa.string(), "number": pa.float64()})
    connection = duckdb.connect()
    connection.register("customers", table)
    types = {
        "customer id": "DECIMAL(38, 0)",
        "plan": "ENUM ('basic', 'plus', 'pro', 'iron')",
        "months": "HUGEINT",
        "fee": "DECIMAL(18, 3)",
        "calls": "HUGEINT",
        "senior": "DECIMAL(1, 0)",
        "paperless": "UTINYINT",
        "plan code": "FLOAT",
        "signup": "DATE",
        "snapshot": "TIMESTAMPTZ",
    }
    columns = ", ".join(f'"{name}"::{kind} AS "{name}"' for name, kind in types.items())
    connection.execute(f"COPY (SELECT region, {columns} FROM customers) TO '{path}' (FORMAT parquet)")
    return path


NUMBERS: Final = {"number": pa.float64()}
SPARK: Final = stored_as(
    {"category": pa.string(), "number": pa.decimal128(18, 2), "date": pa.timestamp("ns")}
    | dict.fromkeys(WHOLE, pa.int64())
    | {"id": pa.decimal128(38, 0), "flag": pa.int32(), "boolean": pa.bool_(), "code": pa.decimal128(10, 0)}
)
STORAGES: Final[dict[str, pa.Table]] = {
    "pandas": stored_as(
        NUMBERS | {"category": pa.string(), "whole number in text": pa.float64(), "date": pa.timestamp("ns")}
    ),
    "pandas after a missing value": stored_as(
        NUMBERS | {"category": pa.string()} | dict.fromkeys(WHOLE, pa.float64())
    ),
    "single floats": stored_as({"category": pa.string()} | NUMBERS | dict.fromkeys(WHOLE, pa.float32())),
    "narrow integers": stored_as(
        NUMBERS
        | {"category": pa.string()}
        | dict.fromkeys(WHOLE, pa.int8())
        | {"id": pa.uint32(), "date": pa.timestamp("ms")}
    ),
    "booleans": stored_as(
        NUMBERS | {"category": pa.string()} | dict.fromkeys(("flag", "boolean"), pa.bool_())
    ),
    # Polars is no dependency; these are the types with which it writes categorical and text columns.
    "Polars, categorical": stored_as(
        NUMBERS
        | {"category": pa.dictionary(pa.uint32(), pa.large_string()), "id": pa.uint64(), "code": pa.int64()}
        | {"date": pa.timestamp("us")}
    ),
    "Polars, text": stored_as(NUMBERS | {"category": pa.string_view(), "flag": pa.uint8()}),
    "Spark": SPARK,
    "Snowflake": stored_as(
        {"category": pa.string(), "number": pa.decimal128(12, 2), "date": pa.timestamp("us", tz="UTC")}
        | dict.fromkeys(WHOLE, pa.decimal128(38, 0))
    ),
    "decimals with digits after the point": stored_as(
        {"category": pa.large_string(), "number": pa.decimal128(38, 6)}
        | dict.fromkeys(WHOLE, pa.decimal128(20, 2))
    ),
    "text": text(
        id=str,
        whole_number_in_text=lambda value: "n/a" if value is None else f" {value} ",
        flag=lambda value: f"{value}.0",
        boolean=lambda value: str(value).upper(),
        code=str,
        date=date.isoformat,
    ),
    "text of floats": text(
        id=lambda value: f"{value}.0",
        whole_number_in_text=lambda value: "" if value is None else f"{value}.0",
        flag=lambda value: str(bool(value)),
        boolean=lambda value: str(int(value)),
        code=lambda value: f"{value}.00",
        date=lambda value: f"{value.isoformat()}T00:30:00+00:00",
    ),
}
