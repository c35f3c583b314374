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
    ISO_FORM,
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
    read = _let("text", f"{column}::BIGINT::VARCHAR", f"CASE{_cases(forms[:1], missing_tokens)} END")
    return (
        f"CASE WHEN {column} BETWEEN 0 AND {_LARGEST_NUMBER - 1} AND trunc({column}) = {column}"
        f" THEN {read} END"
    )


def _day_of_text(column: str, forms: tuple[DateForm, ...], missing_tokens: tuple[str, ...]) -> str:
    long = f"length({column}) > {MAX_TEXT_LENGTH}"
    read = _let(
        "text",
        f"trim({column}, {BLANK_SQL})",
        f"CASE WHEN text = '' THEN {MISSING_DAY}{_cases(forms, missing_tokens)} END",
    )
    blank = f"trim({column}, {BLANK_SQL}) = ''"
    return f"CASE WHEN {long} THEN CASE WHEN {blank} THEN {MISSING_DAY} ELSE {_TOO_LONG} END ELSE {read} END"


def _cases(forms: tuple[DateForm, ...], missing_tokens: tuple[str, ...]) -> str:
    """Return the cases of missing tokens and of each form, for a value named ``text``."""
    cases = ""
    if missing_tokens:
        tokens = ", ".join(quote_text(lower_ascii(token.strip(BLANK))) for token in missing_tokens)
        cases = f" WHEN {lower_ascii_sql('text')} IN ({tokens}) THEN {MISSING_DAY}"
    return cases + "".join(
        f" WHEN regexp_full_match(text, {quote_text(form.pattern)}) THEN {_day_by_form(form)}"
        for form in forms
    )


def _day_by_form(form: DateForm) -> str:
    """Return the day of a text that matches a form; NULL if the day does not exist."""
    if form == ISO_FORM:
        written = f"left(text, {_ISO_LENGTH})"
    else:
        ymd = "-".join(f"\\{group}" for group in form.order)
        written = f"regexp_replace(text, {quote_text(f'^{form.pattern}$')}, {quote_text(ymd)})"
    day = _let("day", f"try_cast({written} AS DATE)", _day_of_date("day"))
    moved = _let("moved", f"{day} + {_shift_to_utc()}", _within_calendar("moved"))
    return f"CASE WHEN contains(text, ':') THEN {moved} ELSE {day} END"


def _shift_to_utc() -> str:
    """Return how many days, -1 to 1, an offset moves a date whose text has a time."""
    # The text matches a form, so these functions find its parts in a tenth of the time of its expression.
    colon = "strpos(text, ':')"
    minutes = (
        f"60 * trim(substr(text, {colon} - 2, 2), 'Tt ')::INTEGER + substr(text, {colon} + 1, 2)::INTEGER"
    )
    offset = (
        "(60 * left(digits, 2)::INTEGER"
        " + CASE WHEN length(digits) > 2 THEN right(digits, 2)::INTEGER ELSE 0 END)"
    )
    moved = _let(
        "digits",
        "replace(split_part(replace(clock, '-', '+'), '+', 2), ':', '')",
        f"CASE WHEN contains(clock, '+') THEN CASE WHEN {minutes} < {offset} THEN -1 ELSE 0 END"
        f" ELSE CASE WHEN {minutes} + {offset} >= 1440 THEN 1 ELSE 0 END END",
    )
    return _let(
        "clock",
        f"substr(text, {colon})",
        f"CASE WHEN contains(clock, '+') OR contains(clock, '-') THEN {moved} ELSE 0 END",
    )


def _within_calendar(day: str) -> str:
    return f"CASE WHEN {day} BETWEEN {FIRST_DAY} AND {LAST_DAY} THEN {day} END"


def _let(name: str, value: str, result: str) -> str:
    """Return `result`, in which the value has a name, so that it is computed once for each row.

    The result must not use columns: a column of the same name would be hidden.
    """
    return f"list_transform([{value}], lambda {name}: {result})[1]"
