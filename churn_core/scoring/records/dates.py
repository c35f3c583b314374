"""The rules for one value of a date column: which days are read, and from which text.

`churn_core.scoring.files.date_sql` states the same rules for DuckDB; property tests compare the two. A day is
counted from 1970-01-01, in UTC. The time of day is dropped after a time zone or an offset has moved the date
to UTC; without one the date is taken as it is written.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Final, TypeGuard

import numpy as np

from churn_core.schema import MAX_TEXT_LENGTH
from churn_core.scoring.day_numbers import EPOCH, FIRST_DAY, LAST_DAY, count_days, split_date_format
from churn_core.scoring.records.number_text import BLANK, ValueRefusedError, lower_ascii

if TYPE_CHECKING:
    from churn_core.reader_rules import TextRules

_HOUR, _MINUTE, _SIGN, _OFFSET_HOUR, _OFFSET_MINUTE = range(4, 9)
"""Groups of a date's regular expression; the first three are year, month and day in the order of the text."""

_MINUTES_PER_DAY: Final = 24 * 60
_LARGEST_NUMBER: Final = 10**8
"""A whole number that is a date has at most eight digits."""

_REST: Final = "(?::[0-5][0-9](?:[.,][0-9]{1,9})?)?"
_CLOCK: Final = f"([01]?[0-9]|2[0-3]):([0-5][0-9]){_REST}"
_ZONE: Final = " ?(?:[Zz]|UTC|([+-])([01][0-9]|2[0-3]):?([0-5][0-9])?)"
_HALF_DAY_CLOCK: Final = f"(?:0?[1-9]|1[0-2]):[0-5][0-9]{_REST} ?[AaPp][Mm]"
_TIME: Final = f"(?:(?:[Tt]| {{1,2}})(?:{_CLOCK}(?:{_ZONE})?|{_HALF_DAY_CLOCK}))?"


@dataclass(frozen=True, slots=True)
class DateForm:
    """A form of dates in text.

    Attributes
    ----------
    pattern : str
        The regular expression of the whole text, for Python and DuckDB.
    order : tuple of int
        The groups of year, month and day.
    only_digits : bool
        Whether a date is a whole number, so that columns of numbers may hold dates.
    """

    pattern: str
    order: tuple[int, int, int]
    only_digits: bool = False


ISO_FORM: Final = DateForm(f"([0-9]{{4}})-([0-9]{{2}})-([0-9]{{2}}){_TIME}", (1, 2, 3))


def date_forms(date_format: str | None) -> tuple[DateForm, ...]:
    """Return the forms that a column's text may have: the declared one goes before ISO 8601."""
    if date_format is None:
        return (ISO_FORM,)
    parts = split_date_format(date_format.strip(BLANK))
    marks, names = parts[::2], parts[1::2]
    only_digits = not any(marks)
    # A day or a month may have one digit where a mark ends it, or where it is the first part: a whole number
    # has no leading zero.
    one_digit = [bool(marks[1] and marks[2]) or place == 0 for place in range(len(names))]
    groups = [
        "([0-9]{4})" if name == "YYYY" else "([0-9]{1,2})" if short else "([0-9]{2})"
        for name, short in zip(names, one_digit, strict=True)
    ]
    marks = [f"[{mark}]" if mark else "" for mark in marks]
    pattern = "".join([marks[0], *(group + mark for group, mark in zip(groups, marks[1:], strict=True))])
    # A whole number that was once a float is written with a point.
    pattern += "(?:[.]0+)?" if only_digits else ""
    year, month, day = (1 + names.index(name) for name in ("YYYY", "MM", "DD"))
    return (DateForm(pattern + _TIME, (year, month, day), only_digits), ISO_FORM)


class DateReader:
    """Reads the values of one date column.

    Parameters
    ----------
    column : str
    rules : TextRules
        With the column's date format, if it has one, and the missing tokens.
    """

    def __init__(self, column: str, rules: TextRules) -> None:
        forms = date_forms(rules.date_format(column))
        self._forms = [(re.compile(form.pattern), form.order) for form in forms]
        self._only_digits = forms[0].only_digits
        self._missing = frozenset(lower_ascii(token.strip(BLANK)) for token in rules.missing_tokens)

    def read(self, value: object) -> float:
        """Return a value's UTC day, counted from 1970-01-01; NaN if it is missing.

        Parameters
        ----------
        value : object
            Text, a date, a datetime, a ``numpy.datetime64``, None or NaN; a whole number where the column's
            format has only digits.

        Raises
        ------
        ValueRefusedError
            ``not_a_date``, or ``too_long`` for text that is longer than any text may be.
        """
        if isinstance(value, str):
            return self._read_text(value)
        # NaN and NaT, unlike all other values of these types, are not equal to themselves.
        if value is None or (isinstance(value, (float, date, np.generic)) and value != value):
            return math.nan
        if isinstance(value, date):
            return _day_of(value)
        if isinstance(value, np.datetime64):
            return _checked(int(count_days(np.asarray(value))))
        if self._only_digits and _may_be_digits(value):
            return self._read_text(str(int(value)))
        raise ValueRefusedError("not_a_date")

    def _read_text(self, text: str) -> float:
        bare = text.strip(BLANK)
        if not bare:
            return math.nan
        if len(text) > MAX_TEXT_LENGTH:
            raise ValueRefusedError("too_long")
        # A missing token may look like a date: 0000-00-00.
        if self._missing and lower_ascii(bare) in self._missing:
            return math.nan
        for pattern, order in self._forms:
            found = pattern.fullmatch(bare)
            if found:
                return _day_from_text(found, order)
        raise ValueRefusedError("not_a_date")


def _may_be_digits(value: object) -> TypeGuard[float]:
    return (
        isinstance(value, (int, float, np.integer, np.floating))
        and not isinstance(value, bool)
        and bool(0 <= value < _LARGEST_NUMBER)
        and int(value) == value
    )


def _day_from_text(found: re.Match[str], order: tuple[int, int, int]) -> int:
    year, month, day = (int(found[group]) for group in order)
    try:
        number = date(year, month, day).toordinal() - EPOCH
    except ValueError:
        raise ValueRefusedError("not_a_date") from None
    if found[_SIGN]:
        offset = 60 * int(found[_OFFSET_HOUR]) + int(found[_OFFSET_MINUTE] or 0)
        minutes = 60 * int(found[_HOUR]) + int(found[_MINUTE])
        number += (minutes - (offset if found[_SIGN] == "+" else -offset)) // _MINUTES_PER_DAY
    return _checked(number)


def _day_of(value: date) -> int:
    try:
        if isinstance(value, datetime) and value.utcoffset() is not None:
            value = value.astimezone(UTC)
        return _checked(value.toordinal() - EPOCH)
    except (ValueError, OverflowError) as error:
        # pandas has times outside of the years 1 to 9999, which have no date.
        raise ValueRefusedError("not_a_date") from error


def _checked(number: int) -> int:
    if FIRST_DAY <= number <= LAST_DAY:
        return number
    raise ValueRefusedError("not_a_date")
