"""Whole date columns of a table parsed into UTC days.

`churn_core.scoring.records.dates` decides about text and Python objects. Times that the file stores as such
are decided as whole arrays, by the same rules; property tests compare the two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from churn_core.data.columns import FINE, MISSING, NumberColumn, distinct_text, parse_values, python_objects
from churn_core.errors import reject_number
from churn_core.scoring.day_numbers import FIRST_DAY, LAST_DAY, count_days, parse_fixed_day
from churn_core.scoring.records.dates import DateReader

if TYPE_CHECKING:
    import numpy.typing as npt

    from churn_core.reader_rules import TextRules
    from churn_core.schema import DaysBetween

_NOT_A_DATE = reject_number("not_a_date")


def parse_date_column(
    series: pd.Series[Any], column: str, rules: TextRules, *, nullable: bool
) -> NumberColumn:
    """Parse a column of dates as UTC days, counted from 1970-01-01.

    Parameters
    ----------
    series : Series
        Text, times with or without a time zone, Python objects, or whole numbers where the column's format
        has only digits; its index is ignored.
    column : str
        The column's name in `rules`.
    rules : TextRules
        With the column's date format, if it has one, and the missing tokens.
    nullable : bool
        Whether missing values are allowed.

    Returns
    -------
    NumberColumn
        NaN where the date is missing or refused.
    """
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(series.dtype.categories.dtype)
    if pd.api.types.is_datetime64_any_dtype(series.dtype) and not _holds_arrow_dates(series.dtype):
        parsed = _parse_times(series)
    else:
        reader = DateReader(column, rules)
        distinct = distinct_text(series)
        # The code -1 of a missing value picks the last entry.
        values = python_objects(series) if distinct is None else [*distinct.values, None]
        days, faults = parse_values(reader.read, values)
        codes = slice(None) if distinct is None else distinct.codes
        parsed = NumberColumn(days.astype(np.float64)[codes], faults[codes])
    if not nullable:
        parsed.faults[(parsed.faults == FINE) & np.isnan(parsed.values)] = MISSING
    return parsed


def parse_days_column(
    table: pd.DataFrame, days: DaysBetween, rules: TextRules, *, nullable: bool
) -> npt.NDArray[np.float64]:
    """Compute the days between two dates of each row; NaN where one is missing or refused."""
    start, *end = (
        parse_date_column(table[name], name, rules, nullable=nullable).values for name in days.columns
    )
    return (parse_fixed_day(days.end) if days.end_is_day else end[0]) - start


def _parse_times(series: pd.Series[Any]) -> NumberColumn:
    if getattr(series.dtype, "tz", None) is not None or "tz=" in str(series.dtype):
        series = series.dt.tz_convert("UTC").dt.tz_localize(None)
    times = series.to_numpy(dtype=f"datetime64[{_unit(series.dtype)}]")
    missing, days = np.isnat(times), count_days(times)
    outside = ~missing & ((days < FIRST_DAY) | (days > LAST_DAY))
    faults = np.where(outside, _NOT_A_DATE, FINE).astype(np.uint8)
    return NumberColumn(np.where(missing | outside, np.nan, days), faults)


def _holds_arrow_dates(dtype: Any) -> bool:
    return isinstance(dtype, pd.ArrowDtype) and not pa.types.is_timestamp(dtype.pyarrow_dtype)


def _unit(dtype: Any) -> str:
    """Return the unit of a dtype of times, of numpy, pandas or Arrow."""
    if isinstance(dtype, pd.ArrowDtype):
        return str(dtype.pyarrow_dtype.unit)
    return str(np.datetime_data(dtype)[0]) if isinstance(dtype, np.dtype) else str(dtype.unit)
