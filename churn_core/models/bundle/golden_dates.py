"""Dates of artificial customers: dates that give the days of encoded rows, and rows that such dates can give.

A date may be in several features. So not every combination of days is possible: of the days from A to B, from
B to C and from A to C, two give the third.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from churn_core.scoring.day_numbers import FIRST_DAY, LAST_DAY, parse_fixed_day, write_date

if TYPE_CHECKING:
    import numpy.typing as npt

    from churn_core.schema import Contract, DaysBetween

    Matrix = npt.NDArray[np.float32]
    Days = npt.NDArray[np.float64]

REFERENCE_DAY: Final = parse_fixed_day("2026-01-01")
"""The later date of artificial customers, unless their other dates or a fixed day decide."""

_MISSING_EACH: Final = 4

SPECIAL_DATES: Final = (
    "0001-01-01",
    "9999-12-31T23:59:59.999999",
    "2024-02-29",
    "2024-02-28T23:30:00-00:30",
    "2024-03-01T00:00:00+00:01",
    "2023-12-31T23:59:59.999Z",
    "2024-01-01 00:00:00",
    "1969-12-31T12:00:00-12:00",
)
"""Dates at the ends of the calendar, on leap days, around midnight, and with offsets."""


def random_dates(
    contract: Contract, count: int, generator: np.random.Generator
) -> dict[str, list[str | None]]:
    """Draw texts for each date column: the special dates, then days of the whole calendar.

    A date that may be missing is so in every fourth record.
    """
    dates: dict[str, list[str | None]] = {}
    for offset, name in enumerate(contract.date_columns):
        drawn = generator.integers(FIRST_DAY, LAST_DAY + 1, count)
        declared = contract.reader.text.date_format(name)
        texts: list[str | None] = [write_date(int(day), declared) for day in drawn]
        if _reads_iso(declared):
            rows = [row for row in range(count) if row % _MISSING_EACH]
            for number, row in enumerate(rows[: len(SPECIAL_DATES)]):
                # Each column begins at another special date, so that two different ones meet in a record.
                texts[row] = SPECIAL_DATES[(number + offset) % len(SPECIAL_DATES)]
        if contract.may_be_missing(name):
            texts[::_MISSING_EACH] = [None] * len(texts[::_MISSING_EACH])
        dates[name] = texts
    return dates


def dates_of_rows(contract: Contract, matrix: Matrix) -> dict[str, Days]:
    """Return dates, as days from 1970-01-01, that give the rows' days as far as these are possible.

    Returns
    -------
    dict
        By column, float64 of shape (rows,); NaN where the date is missing.
    """
    dates: dict[str, Days] = {}
    for position, days in _days_features(contract):
        values = matrix[:, position].astype(np.float64)
        fixed = np.full(len(matrix), float(parse_fixed_day(days.end))) if days.end_is_day else None
        start, end = dates.get(days.start), fixed if fixed is not None else dates.get(days.end)
        if start is None:
            end = np.full(len(matrix), float(REFERENCE_DAY)) if end is None else end
            dates[days.start] = _possible(contract, days.start, end - values)
        elif end is None:
            end = _possible(contract, days.end, start + values)
        if fixed is None and end is not None:
            dates[days.end] = end
    return dates


def with_possible_days(contract: Contract, matrix: Matrix) -> Matrix:
    """Return encoded rows whose days are those that `dates_of_rows` give."""
    if not contract.date_columns:
        return matrix
    dates = dates_of_rows(contract, matrix)
    possible = matrix.copy()
    for position, days in _days_features(contract):
        end = parse_fixed_day(days.end) if days.end_is_day else dates[days.end]
        possible[:, position] = end - dates[days.start]
    return possible


def write_dates(contract: Contract, matrix: Matrix) -> list[dict[str, str | None]]:
    """Return the dates of encoded rows as text: one dict per row, in the declared formats."""
    dates = dates_of_rows(contract, matrix)
    formats = {name: contract.reader.text.date_format(name) for name in dates}
    return [
        {
            name: None if np.isnan(days[row]) else write_date(int(days[row]), formats[name])
            for name, days in dates.items()
        }
        for row in range(len(matrix))
    ]


def _days_features(contract: Contract) -> list[tuple[int, DaysBetween]]:
    return [(contract.position(f.name), f.days) for f in contract.numbers if f.days is not None]


def _possible(contract: Contract, column: str, days: Days) -> Days:
    """Move dates into the calendar, and replace missing ones that may not be missing."""
    clipped = np.clip(days, FIRST_DAY, LAST_DAY)
    if contract.may_be_missing(column):
        return clipped
    return np.where(np.isnan(clipped), REFERENCE_DAY, clipped)


def _reads_iso(declared: str | None) -> bool:
    """Return whether a column reads ISO 8601: one that writes the day in the place of the month does not."""
    return declared is None or declared.strip() != "YYYY-DD-MM"
