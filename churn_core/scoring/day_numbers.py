"""Days as numbers: counted from 1970-01-01, within the years 1 to 9999; and how a format writes them."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

EPOCH: Final = date(1970, 1, 1).toordinal()
FIRST_DAY: Final = date.min.toordinal() - EPOCH
LAST_DAY: Final = date.max.toordinal() - EPOCH
"""The days of 0001-01-01 and 9999-12-31, counted from 1970-01-01."""

MOST_DAYS: Final = LAST_DAY - FIRST_DAY
"""The most days between two dates."""

_PER_DAY: Final = {"s": 86_400, "ms": 86_400 * 10**3, "us": 86_400 * 10**6, "ns": 86_400 * 10**9}
_parts = re.compile("(YYYY|MM|DD)")
_mark = re.compile("[-./ ]?")


def split_date_format(date_format: str) -> list[str]:
    """Split a format such as ``DD.MM.YYYY`` into its marks and parts, marks at even positions.

    Raises
    ------
    ValueError
        If it does not have YYYY, MM and DD once each, or has more around them than a point, a slash, a
        hyphen or a blank.
    """
    parts = _parts.split(date_format)
    if sorted(parts[1::2]) != ["DD", "MM", "YYYY"] or not all(map(_mark.fullmatch, parts[::2])):
        raise ValueError("the format must have YYYY, MM and DD")
    return parts


def write_date(day: int, date_format: str | None) -> str:
    """Write a day, counted from 1970-01-01, in a column's format; by default in ISO 8601."""
    written = date.fromordinal(day + EPOCH)
    parts = {"YYYY": f"{written.year:04d}", "MM": f"{written.month:02d}", "DD": f"{written.day:02d}"}
    return _parts.sub(lambda part: parts[part[0]], date_format or "YYYY-MM-DD")


def parse_fixed_day(text: str) -> int:
    """Return a fixed day in the form ``2026-01-31``, counted from 1970-01-01.

    Raises
    ------
    ValueError
        If the text has another form, or the day does not exist.
    """
    if not re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError("the day must have the form 2026-01-31")
    return date.fromisoformat(text).toordinal() - EPOCH


def count_days(times: npt.NDArray[np.datetime64]) -> npt.NDArray[np.int64]:
    """Return the days of times, counted from 1970-01-01 and rounded down; NaT gives any number."""
    unit, steps = np.datetime_data(times.dtype)
    per_day = _PER_DAY.get(unit) if steps == 1 else None
    if per_day is None:
        return times.astype("datetime64[D]").astype(np.int64)
    # numpy's own cast overflows near the first nanosecond.
    days: npt.NDArray[np.int64] = times.astype(np.int64) // per_day
    return days
