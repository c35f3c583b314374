"""DuckDB, pandas and Python read every date as the same day, whatever stores it."""

from __future__ import annotations

import math
import random
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from churn_core.data.date_columns import parse_date_column
from churn_core.data.parquet_files import load_parquet
from churn_core.errors import InputFileError, reject_number
from churn_core.reader_rules import TextRules
from churn_core.scoring.day_numbers import FIRST_DAY, LAST_DAY, write_date
from churn_core.scoring.files.date_sql import MISSING_DAY, day_column
from churn_core.scoring.records.dates import DateReader
from churn_core.scoring.records.values import ValueRefusedError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FORMATS: Final = (
    *(None, "DD.MM.YYYY", "MM/DD/YYYY", "YYYYMMDD", "DDMMYYYY", "YYYY-DD-MM", "YYYY.MM.DD.", "DD MM YYYY"),
)
ODD_TEXTS: Final = (
    *("", " ", "NA", " na", "0000-00-00", "x", "x" * 300, "2024-02-30", "0001-01-01", "9999-12-31"),
    *("0001-01-01T00:30+01:00", "9999-12-31T23:30-01:00", "2024-02-29T23:30:00-05", "2024-02-29T24:00"),
    *("2024-02-29 23:30:00.123456 UTC", "2024-02-29 12:30 PM", "1012024", "20240131.0", "0", "2024-01-31\n"),
    *("2024-01-31T10:00:60", "\u0662024-01-01", "2024-01-31T23:59:59,999999999-0001", "31.1.2024", "-5"),
)


def rules(date_format: str | None, *missing_tokens: str) -> TextRules:
    return TextRules(
        missing_tokens=missing_tokens, date_formats=() if date_format is None else (("d", date_format),)
    )


def by_python(values: Sequence[object], read: TextRules) -> list[int]:
    reader, days = DateReader("d", read), []
    for value in values:
        try:
            day = reader.read(value)
        except ValueRefusedError as refused:
            days.append(MISSING_DAY - reject_number(refused.code))
        else:
            days.append(MISSING_DAY if math.isnan(day) else int(day))
    return days


def by_pandas(series: pd.Series[Any], read: TextRules) -> list[int]:
    parsed = parse_date_column(series, "d", read, nullable=True)
    missing = np.isnan(parsed.values)
    days = np.where(missing, MISSING_DAY - parsed.faults.astype(np.int64), parsed.values)
    return [int(day) for day in days]


def by_duckdb(path: Path, read: TextRules) -> list[int]:
    with duckdb.connect() as connection:
        # The days do not depend on the session's time zone.
        connection.execute("SET TimeZone = 'Asia/Tokyo'")
        kind = str(connection.sql(f"SELECT d FROM '{path}'").types[0])
        rows = connection.sql(f"SELECT {day_column('d', kind, read)} FROM '{path}'").fetchall()
    return [day for (day,) in rows]


def random_texts(date_format: str | None, draw: random.Random) -> list[str]:
    """Dates in the format and in ISO 8601, many with a time, and some slightly wrong."""
    texts = list(ODD_TEXTS)
    for _ in range(600):
        text = write_date(draw.randint(FIRST_DAY, LAST_DAY), draw.choice([date_format, None]))
        if draw.random() < 0.3:
            text = text.replace("0", draw.choice(["", "1", "3"]), 1)
        if draw.random() < 0.7:
            minute = draw.choice(["23:59", "00:00", f"{draw.randint(0, 24):02d}:{draw.randint(0, 60):02d}"])
            text += draw.choice("T t") + minute + draw.choice(["", ":00", ":59.999999999", ":30,5"])
            text += draw.choice(["", "Z", " UTC", "+00", "+14:00", "-1200", "-05:30", "+0001", "+24", "PM"])
        texts.append(text)
    return texts


@pytest.mark.parametrize("date_format", FORMATS)
@pytest.mark.parametrize("tokens", [(), ("NA", "0000-00-00", "0", "Über")])
def test_text_is_read_alike(date_format: str | None, tokens: tuple[str, ...], tmp_path: Path) -> None:
    read = rules(date_format, *tokens)
    texts = random_texts(date_format, random.Random(f"{date_format}{tokens}"))
    path = tmp_path / "d.parquet"
    parquet.write_table(pa.table({"d": [*texts, None]}), path)
    expected = by_python([*texts, None], read)
    assert sum(day > MISSING_DAY for day in expected) > 200
    assert len({day for day in expected if day <= MISSING_DAY}) == 3
    assert by_duckdb(path, read) == expected
    assert by_pandas(load_parquet(path)["d"], read) == expected


_SECONDS: Final = [
    *(-62_135_596_800, -62_135_596_801, 253_402_300_799, 253_402_300_800, 0, -1, 86_399, 86_400),
    *(1_709_164_800, 1_709_251_199, 1_709_251_200, None, 2**40, -(2**40)),
    *(random.Random(3).randint(-62_135_596_800, 253_402_300_799) for _ in range(300)),
]


@pytest.mark.parametrize("zone", [None, "UTC", "America/New_York", "+05:30"])
@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_stored_times_are_read_alike(unit: str, zone: str | None, tmp_path: Path) -> None:
    scale = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    fitting = [None if s is None else s * scale for s in _SECONDS if s is None or abs(s * scale) < 2**63]
    fitting += [-1, 86_400 * scale - 1, -86_400 * scale - 1]
    fitting += [2**63 - 1, -(2**63) + 1] if unit == "ns" else []
    path = tmp_path / "d.parquet"
    parquet.write_table(pa.table({"d": pa.array(fitting, pa.timestamp(unit, zone))}), path)
    times = np.array([-(2**63) if v is None else v for v in fitting]).astype(f"datetime64[{unit}]")
    expected = by_python(list(times), rules(None))
    assert by_duckdb(path, rules(None)) == expected
    assert by_pandas(load_parquet(path)["d"], rules(None)) == expected


def test_stored_dates_are_read_alike(tmp_path: Path) -> None:
    days = [FIRST_DAY, FIRST_DAY - 1, LAST_DAY, LAST_DAY + 1, -1, 0, None, 2**31 - 2, -(2**31) + 2]
    path = tmp_path / "d.parquet"
    parquet.write_table(pa.table({"d": pa.array(days, pa.date32())}), path)
    expected = by_python([None if day is None else np.datetime64(0, "D") + day for day in days], rules(None))
    assert by_duckdb(path, rules(None)) == expected
    assert by_pandas(load_parquet(path)["d"], rules(None)) == expected


def test_times_of_96_bits_are_read_alike(tmp_path: Path) -> None:
    moments = [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, tzinfo=UTC), None]
    path = tmp_path / "d.parquet"
    table = pa.table({"d": pa.array(moments, pa.timestamp("us"))})
    parquet.write_table(table, path, use_deprecated_int96_timestamps=True)
    assert by_duckdb(path, rules(None)) == by_pandas(load_parquet(path)["d"], rules(None))
    assert by_duckdb(path, rules(None)) == [FIRST_DAY, LAST_DAY, MISSING_DAY]


@pytest.mark.parametrize(
    "numbers",
    [
        pa.array([20240229, 20240230, -1, 0, None, 10**15], pa.int64()),
        pa.array([20240229, 0, None], pa.uint32()),
        pa.array([-128, 5, None], pa.int8()),
        pa.array([20240229.0, 0.5, math.inf, -math.inf, math.nan, None, 1e300], pa.float64()),
        pa.array([20240229, None], pa.int64()).cast(pa.decimal128(20, 0)),
    ],
)
def test_whole_numbers_are_dates_alike_where_the_format_has_only_digits(
    numbers: pa.Array, tmp_path: Path
) -> None:
    read = rules("YYYYMMDD", "0")
    path = tmp_path / "d.parquet"
    parquet.write_table(pa.table({"d": numbers}), path)
    expected = by_python([None if v is None else float(v) for v in numbers.to_pylist()], read)
    assert by_duckdb(path, read) == expected
    assert by_pandas(load_parquet(path)["d"], read) == expected


def test_dates_of_python_are_read_in_pandas_too() -> None:
    objects = [date(2024, 2, 29), datetime(1, 1, 1, tzinfo=UTC), None, "2024-02-29", 5]
    assert by_pandas(pd.Series(objects, dtype=object), rules(None)) == by_python(objects, rules(None))
    arrow = pd.Series([date(2024, 2, 29), None], dtype=pd.ArrowDtype(pa.date32()))
    assert by_pandas(arrow, rules(None)) == by_python([date(2024, 2, 29), None], rules(None))
    zoned = pd.Series(["2024-02-29T23:30-05:00"]).astype(pd.ArrowDtype(pa.timestamp("us", "Europe/Paris")))
    assert by_pandas(zoned, rules(None)) == by_python(["2024-03-01"], rules(None))
    repeated = pd.Series(np.array(["2024-02-29", "NaT"], dtype="datetime64[s]")).astype("category")
    assert by_pandas(repeated, rules(None)) == by_python(["2024-02-29", None], rules(None))


@pytest.mark.parametrize(
    ("kind", "date_format", "allowed"),
    [
        ("BIGINT", None, "dates, timestamps or text"),
        ("BIGINT", "DD.MM.YYYY", "dates, timestamps or text"),
        ("TIME", "YYYYMMDD", "dates, timestamps, whole numbers or text"),
        ("INTEGER[]", None, "dates, timestamps or text"),
    ],
)
def test_a_type_without_dates_is_refused(kind: str, date_format: str | None, allowed: str) -> None:
    with pytest.raises(InputFileError, match=allowed) as refused:
        day_column("d", kind, rules(date_format))
    assert refused.value.code == "schema"


@pytest.mark.parametrize("name", ["text", "day", "clock", "digits", "moved", 'a "quoted" one', "größe, x"])
def test_a_column_may_have_any_name(name: str) -> None:
    read = TextRules(date_formats=((name, "DD.MM.YYYY"),))
    sql = day_column(name, "VARCHAR", read)
    quoted = '"' + name.replace('"', '""') + '"'
    with duckdb.connect() as connection:
        found = connection.sql(f"SELECT {sql} FROM (SELECT '02.01.1970T00:30+01:00' AS {quoted})").fetchall()
    assert found == [(0,)]


def test_a_column_of_the_type_null_is_missing() -> None:
    sql = day_column("d", '"NULL"', rules(None))
    with duckdb.connect() as connection:
        assert connection.sql(f"SELECT {sql} FROM (SELECT NULL AS d)").fetchall() == [(MISSING_DAY,)]
