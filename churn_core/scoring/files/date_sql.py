"""The SQL that reads date columns by the rules of `churn_core.scoring.records.dates`.

Each date column becomes one column of the query: its UTC days, counted from 1970-01-01. `MISSING_DAY` stands
for a missing value, and `MISSING_DAY` minus its `reject_number` for one that is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from churn_core.errors import reject_number
from churn_core.schema import MAX_TEXT_LENGTH
from churn_core.scoring.day_numbers import FIRST_DAY, LAST_DAY
from churn_core.scoring.files.number_sql import lower_ascii_sql
from churn_core.scoring.files.sql_text import (
    BLANK_SQL,
    INTEGER_TYPES,
    quote_identifier,
    quote_text,
    type_family,
    type_fault,
)
from churn_core.scoring.records.dates import (
    HOUR,
    ISO_FORM,
    MINUTE,
    OFFSET_HOUR,
    OFFSET_MINUTE,
    SIGN,
    date_forms,
)
from churn_core.scoring.records.number_text import BLANK, lower_ascii

if TYPE_CHECKING:
    from churn_core.reader_rules import TextRules
    from churn_core.scoring.records.dates import DateForm

MISSING_DAY: Final = -2_000_000_000
"""The day of a missing value; below it are the days of refused values."""

_NOT_A_DATE: Final = MISSING_DAY - reject_number("not_a_date")
_TOO_LONG: Final = MISSING_DAY - reject_number("too_long")
_MOST: Final = 2**63 - 1
_LARGEST_NUMBER: Final = 10**8
_ISO_LENGTH: Final = 10

_MICROSECONDS: Final = frozenset({"TIMESTAMP", "TIMESTAMP WITH TIME ZONE"})
_NANOSECONDS: Final = frozenset({"TIMESTAMP_NS", "TIMESTAMPTZ_NS"})


def day_column(name: str, type_name: str, rules: TextRules) -> str:
    """Return the SELECT expression of a date column's days, an INTEGER that is never NULL.

    Parameters
    ----------
    name : str
        The column.
    type_name : str
        DuckDB's type of it.
    rules : TextRules
        With the column's date format, if it has one, and the missing tokens.

    Raises
    ------
    InputFileError
        ``schema`` if a column of this type holds no dates.
    """
    column, kind = quote_identifier(name), type_family(type_name)
    forms = date_forms(rules.date_format(name))
    missing = f"{column} IS NULL"
    if kind == '"NULL"':
        return f"{MISSING_DAY}::INTEGER"
    if kind == "DATE":
        day = _day_of_date(column)
    elif kind in _MICROSECONDS or kind in _NANOSECONDS:
        # The value that numpy has for a missing time.
        missing += f" OR {_moment(column, kind)} = -{_MOST} - 1"
        day = _day_of_timestamp(column, kind)
    elif kind == "VARCHAR":
        day = _day_of_text(column, forms, rules.missing_tokens)
    elif forms[0].only_digits and (kind in INTEGER_TYPES or kind in ("FLOAT", "DOUBLE", "DECIMAL")):
        missing += f" OR isnan({column})" if kind in ("FLOAT", "DOUBLE") else ""
        day = _day_of_number(column, forms, rules.missing_tokens)
    else:
        numbers = ", whole numbers" if forms[0].only_digits else ""
        raise type_fault(name, kind, f"dates, timestamps{numbers} or text")
    return f"(CASE WHEN {missing} THEN {MISSING_DAY} ELSE coalesce({day}, {_NOT_A_DATE}) END)::INTEGER"


def _day_of_date(value: str) -> str:
    """Return the day of a DATE; NULL outside of the years 1 to 9999."""
    return (
        f"CASE WHEN {value} BETWEEN DATE '0001-01-01' AND DATE '9999-12-31'"
        f" THEN {value} - DATE '1970-01-01' END"
    )


def _moment(column: str, kind: str) -> str:
    """Return a timestamp's microseconds or nanoseconds from 1970-01-01 in UTC."""
    if kind in _MICROSECONDS:
        return f"epoch_us({column})"
    # DuckDB takes the first and the last nanosecond for infinity, and pandas for the years 1677 and 2262.
    return (
        f"coalesce(epoch_ns({column}), CASE {column}::VARCHAR WHEN 'infinity' THEN {_MOST} ELSE -{_MOST} END)"
    )


def _day_of_timestamp(column: str, kind: str) -> str:
    moment = _moment(column, kind)
    per_day = 86_400 * (10**6 if kind in _MICROSECONDS else 10**9)
    # Division rounds towards zero. A cast to a date would need the session's time zone, and would move
    # nanoseconds before 1970 to the next day.
    day = f"CASE WHEN {moment} >= 0 THEN {moment} // {per_day} ELSE -1 - (-1 - {moment}) // {per_day} END"
    return f"CASE WHEN {day} BETWEEN {FIRST_DAY} AND {LAST_DAY} THEN {day} END"


def _day_of_number(column: str, forms: tuple[DateForm, ...], missing_tokens: tuple[str, ...]) -> str:
    digits = f"{column}::BIGINT::VARCHAR"
    return (
        f"CASE WHEN {column} BETWEEN 0 AND {_LARGEST_NUMBER - 1} AND trunc({column}) = {column}"
        f" THEN CASE{_day_by_any_form(digits, forms[:1], missing_tokens)} END END"
    )


def _day_of_text(column: str, forms: tuple[DateForm, ...], missing_tokens: tuple[str, ...]) -> str:
    bare = f"trim({column}, {BLANK_SQL})"
    return (
        f"CASE WHEN {bare} = '' THEN {MISSING_DAY} WHEN length({column}) > {MAX_TEXT_LENGTH} THEN {_TOO_LONG}"
        f"{_day_by_any_form(bare, forms, missing_tokens)} END"
    )


def _day_by_any_form(text: str, forms: tuple[DateForm, ...], missing_tokens: tuple[str, ...]) -> str:
    """Return the cases of missing tokens and of each form."""
    cases = ""
    if missing_tokens:
        tokens = ", ".join(quote_text(lower_ascii(token.strip(BLANK))) for token in missing_tokens)
        cases = f" WHEN {lower_ascii_sql(text)} IN ({tokens}) THEN {MISSING_DAY}"
    return cases + "".join(
        f" WHEN regexp_full_match({text}, {quote_text(form.pattern)}) THEN {_day_by_form(text, form)}"
        for form in forms
    )


def _day_by_form(text: str, form: DateForm) -> str:
    """Return the day of text that matches a form; NULL if the day does not exist."""
    pattern = quote_text(f"^{form.pattern}$")
    if form == ISO_FORM:
        written = f"left({text}, {_ISO_LENGTH})"
    else:
        ymd = "-".join(f"\\{group}" for group in form.order)
        written = f"regexp_replace({text}, {pattern}, {quote_text(ymd)})"
    day = _day_of_date(f"try_cast({written} AS DATE)")
    # Nearly all dates are shorter than the shortest one with an offset.
    shifted = f"({day}) + {_shift_to_utc(text, pattern)}"
    shifted = f"CASE WHEN {shifted} BETWEEN {FIRST_DAY} AND {LAST_DAY} THEN {shifted} END"
    return f"CASE WHEN length({text}) <= {_ISO_LENGTH} THEN {day} ELSE {shifted} END"


def _shift_to_utc(text: str, pattern: str) -> str:
    """Return how many days, -1 to 1, an offset moves a date."""

    def group(number: int) -> str:
        return f"regexp_extract({text}, {pattern}, {number})"

    offset = (
        f"(60 * {group(OFFSET_HOUR)}::INTEGER + coalesce(try_cast({group(OFFSET_MINUTE)} AS INTEGER), 0))"
    )
    minutes = f"(60 * {group(HOUR)}::INTEGER + {group(MINUTE)}::INTEGER)"
    return (
        f"CASE {group(SIGN)} WHEN '+' THEN CASE WHEN {minutes} < {offset} THEN -1 ELSE 0 END"
        f" WHEN '-' THEN CASE WHEN {minutes} + {offset} >= 1440 THEN 1 ELSE 0 END ELSE 0 END"
    )
