"""Date columns of an unknown table: how they are written, and the days between them that a model can use.

Days are counted up to the date on which the table was made, such as a snapshot date. Where the table has no
such column, the days up to a fixed day are only offered.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from churn_core.data.columns import FINE, distinct_text
from churn_core.data.date_columns import parse_date_column
from churn_core.data.inspection.column import Column
from churn_core.data.inspection.names import name_words
from churn_core.data.inspection.number_forms import MISSING_TOKENS
from churn_core.data.inspection.traps.leaks import drawn_rows, find_leak
from churn_core.errors import DataError
from churn_core.reader_rules import TextRules
from churn_core.schema import alike_key
from churn_core.scoring.day_numbers import split_date_format, write_date
from churn_core.scoring.records.dates import DateReader
from churn_core.scoring.records.number_text import BLANK, ValueRefusedError, lower_ascii

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt
    import pandas as pd

    Codes = npt.NDArray[np.int64]
    Days = npt.NDArray[np.float64]

FORMATS: Final = (
    *("DD.MM.YYYY", "DD/MM/YYYY", "MM/DD/YYYY", "DD-MM-YYYY", "MM-DD-YYYY", "YYYY/MM/DD", "YYYY.MM.DD"),
    *("YYYY-MM-DD", "YYYYMMDD", "MM.DD.YYYY", "DD MM YYYY", "YYYY MM DD", "YYYY.MM.DD."),
)
"""The formats that are recognised; ISO 8601 goes before them."""

DATE_REASONS: Final = frozenset({"date", "constant", "naming", "scattered", "free_text"})
"""Why a column of dates may be left out at first. Dates with missing tokens among them look like names."""

_TWO_READINGS: Final = ({"DD/MM/YYYY", "MM/DD/YYYY"}, {"DD-MM-YYYY", "MM-DD-YYYY"})
_FIRST_LOOK: Final = 50
_FEW_ENDS: Final = 36
_END_WORDS: Final = frozenset(
    {"snapshot", "reference", "observation", "observed", "cutoff", "extract", "extraction", "extracted"}
    | {"export", "exported", "reporting", "asof", "stichtag", "corte"}
)
_tokens = {lower_ascii(token) for token in MISSING_TOKENS}


@dataclass(frozen=True, slots=True)
class DatePlans:
    """What becomes of a table's dates.

    Attributes
    ----------
    used : tuple of str
        Columns that days are counted between.
    left_out : dict
        By column, the reason of the others: a key of `churn_core.data.inspection.messages.LEFT_OUT`.
    derived, offered : dict
        By name, declarations for ``data.derived``: those that are active, and those with a fixed day, which
        the user has to check.
    rules : TextRules
        With the date formats, and the missing tokens of the columns of dates.
    """

    used: tuple[str, ...] = ()
    left_out: dict[str, str] = field(default_factory=dict)
    derived: dict[str, dict[str, Any]] = field(default_factory=dict)
    offered: dict[str, dict[str, Any]] = field(default_factory=dict)
    rules: TextRules = field(default_factory=TextRules)


@dataclass(frozen=True, slots=True)
class _Dates:
    name: str
    days: Days

    @property
    def missing(self) -> bool:
        return bool(np.isnan(self.days).any())

    @property
    def distinct(self) -> int:
        return len(np.unique(self.days[~np.isnan(self.days)]))


def read_date_format(option: str) -> tuple[str, str]:
    """Split the option ``COLUMN=DD/MM/YYYY``.

    Raises
    ------
    DataError
        If it has another form.
    """
    column, _, date_format = option.rpartition("=")
    try:
        split_date_format(date_format)
    except ValueError:
        column = ""
    if not column:
        raise DataError(
            f"--date-format {option!r} must be a column and the format of its dates, such as"
            " signup=DD/MM/YYYY with YYYY, MM and DD."
        )
    return column, date_format


def plan_dates(
    table: pd.DataFrame,
    candidates: Sequence[str],
    labels: Codes,
    declared: Mapping[str, str],
    rules: TextRules,
) -> DatePlans:
    """Recognise dates, and propose the days between them.

    Parameters
    ----------
    table : DataFrame
    candidates : sequence of str
        Columns that are no features so far, and may be dates.
    labels : ndarray of int64, shape (rows,)
        1 for left, 0 for stayed, -1 without a label.
    declared : mapping
        Formats of the option ``--date-format``, by column.
    rules : TextRules
        The table's other rules.

    Raises
    ------
    DataError
        If a column holds values that are not dates in its declared format.
    """
    found, left_out, rules = _read_dates(table, candidates, labels, declared, rules)
    names = {alike_key(str(name)) for name in table.columns}
    end = _find_end(found)
    starts = []
    for dates in found:
        days = dates.days if end is None else end.days - dates.days
        if dates is end:
            continue
        if not _differ(days):
            left_out[dates.name] = "constant"
        elif end is not None and _leaks(dates.name, days, labels):
            left_out[dates.name] = "date_leaks"
        else:
            starts.append(dates)
    if end is not None:
        if not starts:
            left_out[end.name] = "date_without_start"
            return DatePlans((), left_out, rules=rules)
        used = (*(dates.name for dates in starts), end.name)
        return DatePlans(used, left_out, _declare(starts, end.name, names), rules=rules)
    left_out |= {dates.name: "date_without_end" for dates in starts}
    last = write_date(int(max((np.nanmax(dates.days) for dates in starts), default=0)), None)
    return DatePlans((), left_out, offered=_declare(starts, last, names), rules=rules)


def _read_dates(
    table: pd.DataFrame,
    candidates: Sequence[str],
    labels: Codes,
    declared: Mapping[str, str],
    rules: TextRules,
) -> tuple[list[_Dates], dict[str, str], TextRules]:
    """Read the columns that hold dates; return also why others are left out, and the rules."""
    found: list[_Dates] = []
    left_out: dict[str, str] = {}
    for name in candidates:
        read = _read_forms(table[name], name, rules, declared.get(name))
        if read is None:
            continue
        if isinstance(read, str):
            left_out[name] = read
            continue
        parsed = parse_date_column(table[name], name, read, nullable=True)
        if (parsed.faults != FINE).any() or np.isnan(parsed.values).all():
            continue
        if _leaks(name, parsed.values, labels):
            left_out[name] = "date_leaks"
        else:
            found.append(_Dates(name, parsed.values))
            rules = read
    return found, left_out, rules


def _declare(starts: Sequence[_Dates], end: str, names: set[bytes]) -> dict[str, dict[str, Any]]:
    return {
        _new_name(dates.name, names): {"kind": "days_between", "from": dates.name, "to": end}
        | ({"nullable": True} if dates.missing else {})
        for dates in starts
    }


def _read_forms(
    series: pd.Series[Any], name: str, rules: TextRules, declared: str | None
) -> TextRules | str | None:
    """Return the rules with which a column can be read, why it can't be, or None if it holds no dates."""
    texts = _texts(series)
    if texts is None:
        return rules
    tokens = [text for text in texts if lower_ascii(text) in _tokens]
    written = [text for text in texts if lower_ascii(text) not in _tokens]
    tokens = [token for token in tokens if lower_ascii(token) not in map(lower_ascii, rules.missing_tokens)]
    rules = replace(rules, missing_tokens=(*rules.missing_tokens, *tokens))
    if declared is not None:
        read = _with_format(rules, name, declared)
        wrong = sum(not _reads(text, name, read) for text in written)
        if wrong:
            raise DataError(
                f"--date-format: column {name!r} holds {wrong:,} different values that are not dates in the"
                f" form {declared}; correct the values, or the option."
            )
        return read
    if not written:
        return None
    fitting: list[str | None] = [None, *FORMATS]
    for part in (written[:_FIRST_LOOK], written[_FIRST_LOOK:]):
        fitting = [
            one for one in fitting if all(_reads(text, name, _with_format(rules, name, one)) for text in part)
        ]
    if not fitting:
        return None
    if fitting[0] is not None and any(both <= set(fitting) for both in _TWO_READINGS):
        return "ambiguous_date"
    return _with_format(rules, name, fitting[0])


def _texts(series: pd.Series[Any]) -> list[str] | None:
    """Return the different texts, or whole numbers as text, between blanks; None for other types."""
    distinct = distinct_text(series)
    if distinct is not None:
        return list(dict.fromkeys(bare for text in distinct.values if (bare := text.strip(BLANK))))
    if str(getattr(series.dtype, "kind", "O")) in "iuf":
        numbers = np.unique(series.dropna().to_numpy(dtype=np.float64))
        return [f"{number:.0f}" if number.is_integer() else str(number) for number in numbers.tolist()]
    return None


def _with_format(rules: TextRules, name: str, date_format: str | None) -> TextRules:
    if date_format is None:
        return rules
    return replace(rules, date_formats=(*rules.date_formats, (name, date_format)))


def _reads(text: str, name: str, rules: TextRules) -> bool:
    try:
        DateReader(name, rules).read(text)
    except ValueRefusedError:
        return False
    return True


def _leaks(name: str, days: Days, labels: Codes) -> bool:
    """Return whether a date, or whether it is filled, gives the target away."""
    present = ~np.isnan(days)
    if present.any() and not (present & (labels != 1)).any():
        return True
    rows = drawn_rows(len(labels))
    codes = np.full(len(rows), -1, dtype=np.int64)
    filled = present[rows]
    codes[filled] = np.unique(days[rows][filled], return_inverse=True)[1]
    column = Column(name, "integer", codes, [], numbers=days[rows], number_share=1.0, whole=True)
    return find_leak(column, labels[rows]) is not None


def _find_end(found: Sequence[_Dates]) -> _Dates | None:
    """Return the dates on which the rows were made: by the name, or else by few late dates."""
    whole = [dates for dates in found if not dates.missing]
    named = [dates for dates in whole if _names_an_end(dates.name)]
    if named:
        return min(named, key=lambda dates: dates.distinct)
    for dates in sorted(whole, key=lambda dates: dates.distinct):
        others = [other for other in found if other is not dates]
        few = dates.distinct <= min(_FEW_ENDS, len(dates.days) // 20)
        # A comparison with a missing date is false. After a single day there may be dates of the future.
        after = [bool((other.days > dates.days).any()) for other in others]
        if few and others and (not all(after) if dates.distinct == 1 else not any(after)):
            return dates
    return None


def _names_an_end(name: str) -> bool:
    words = name_words(name)
    return bool(_END_WORDS & set(words)) or ("as", "of") in pairwise(words)


def _new_name(column: str, names: set[bytes]) -> str:
    """Return a new name for the days since a date, and add it to the names."""
    name = f"days_since_{column}"
    while alike_key(name) in names:
        name += "_"
    names.add(alike_key(name))
    return name


def _differ(days: Days) -> bool:
    present = days[~np.isnan(days)]
    return len(present) > 0 and bool((present != present[0]).any())
