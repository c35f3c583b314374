"""The decision what a column becomes: a number, a category, or left out."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from churn_core.data.inspection.keys import counts_rows
from churn_core.data.inspection.names import key_rank, names_a_code
from churn_core.data.inspection.ranges import LARGEST, bounds_with_room

if TYPE_CHECKING:
    import numpy.typing as npt

    from churn_core.data.inspection.column import Column

    Floats = npt.NDArray[np.float64]

PLAIN_LEVELS: Final = 60
"""A category with at most this many values keeps them all."""

GROUPED_LEVELS: Final = 50
"""In a category with more values, at most this many have a level of their own."""

LEVEL_ROWS: Final = 20
"""A value of such a category needs this many rows for a level of its own."""

GROUPED_SHARE: Final = 0.1
"""Those values must make up this share of the rows; otherwise the column is left out."""

_BOOLEAN_TEXT: Final = "Text in which case matters: in JSON write it as in this file, not as true and false."

_NAMING_SHARE: Final = 0.9
_TEXT_WORDS: Final = 4
_MIXED_SHARE: Final = 0.5

_MONTHS: Final = "(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*[.]?"
_CLOCK: Final = r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?( ?[ap]m)?"
_DAYS: Final = (
    r"[0-9]{4}([-/.])[0-9]{1,2}(\1[0-9]{1,2})?",
    r"[0-9]{1,2}([-/.])[0-9]{1,2}\1([0-9]{2}|[0-9]{4})",
    rf"[0-9]{{1,2}}[-. ]+{_MONTHS}[-., ]+[0-9]{{2,4}}",
    rf"{_MONTHS}[-. ]+([0-9]{{1,2}}(st|nd|rd|th)?[,. ]+)?[0-9]{{4}}",
)
_dates = [
    *(re.compile(f"{day}([T ]+{_CLOCK})?( ?Z|[+-][0-9]{{2}}:?[0-9]{{2}})?", re.IGNORECASE) for day in _DAYS),
    re.compile(_CLOCK, re.IGNORECASE),
]
_compact_date = re.compile(r"(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])")
_dressed_number = re.compile(r"[^\w.,+-]*[+-]?[0-9][0-9.,' ]*\s*([^\w.,]|[a-zA-Z]{3})?")


@dataclass(frozen=True, slots=True)
class Kind:
    """The decision about a column.

    Attributes
    ----------
    spec : dict
        Its declaration in config.yaml; empty if the column is left out.
    left_out : str or None
        A key of `churn_core.data.inspection.messages.LEFT_OUT`.
    note : str or None
        A comment for config.yaml.
    """

    spec: dict[str, Any] = field(default_factory=dict)
    left_out: str | None = None
    note: str | None = None


def decide_kind(column: Column) -> Kind:
    """Decide by the values, and by the name only where whole numbers may be codes."""
    if not column.name:
        return Kind(left_out="no_name")
    if not column.present:
        return Kind(left_out="all_missing")
    if column.storage in ("nested", "date"):
        return Kind(left_out=column.storage)
    if column.distinct == 1 and (not column.missing.any() or column.numbers is not None):
        return Kind(left_out="constant")
    if column.storage == "boolean":
        return _category(column)
    if column.numbers is None:
        return _decide_text(column)
    if column.storage == "text" and column.leading_zeros:
        return _decide_names(column, "Digits with leading zeros are codes, not numbers.")
    return _decide_number(column, column.numbers)


def _decide_text(column: Column) -> Kind:
    if _all_dates(column.values):
        return Kind(left_out="date")
    # With few values, such as "0", "1", "2" and "3+", it is a category.
    if column.distinct > PLAIN_LEVELS and (
        column.number_share >= _MIXED_SHARE
        or all(_dressed_number.fullmatch(value.strip()) for value in column.values)
    ):
        return Kind(left_out="mixed_numbers")
    return _decide_names(column)


def _decide_names(column: Column, note: str | None = None) -> Kind:
    """Decide about names and codes: a category, unless there are too many of them."""
    if column.unfit:
        return Kind(left_out="free_text")
    counts = column.counts
    words = np.array([len(value.split()) for value in column.values])
    wordy = float((words * counts).sum() / counts.sum()) >= _TEXT_WORDS
    if column.distinct > max(2, _NAMING_SHARE * column.present):
        return Kind(left_out="free_text" if wordy else "naming")
    if column.distinct <= PLAIN_LEVELS:
        spellings = set(column.values)
        if {value.casefold() for value in spellings} == {"false", "true"} != spellings:
            note = _BOOLEAN_TEXT
        return _category(column, note)
    if wordy and column.distinct > column.present / LEVEL_ROWS:
        return Kind(left_out="free_text")
    frequent = np.sort(counts)[::-1][:GROUPED_LEVELS]
    frequent = frequent[frequent >= LEVEL_ROWS]
    if len(frequent) < 2 or frequent.sum() < GROUPED_SHARE * column.present:
        return Kind(left_out="scattered")
    grouped = f"{column.distinct:,} different values: the {len(frequent)} most frequent have own levels."
    return _category(column, f"{note} {grouped}" if note else grouped, max_levels=len(frequent))


def _decide_number(column: Column, numbers: Floats) -> Kind:
    if len(np.unique(numbers[~np.isnan(numbers)])) < 2:
        return Kind(left_out="constant")
    if column.whole:
        special = _decide_whole_numbers(column)
        if special is not None:
            return special
    if float(np.nanmax(np.abs(numbers))) > LARGEST:
        return Kind(left_out="too_large")
    minimum, maximum = bounds_with_room(numbers)
    spec: dict[str, Any] = {"kind": "number"}
    if _is_integer(column, numbers):
        spec["integer"] = True
    spec |= {"minimum": _tidy(minimum), "maximum": _tidy(maximum)}
    if column.missing.any() or np.isnan(numbers).any():
        spec["nullable"] = True
    note = None
    if column.storage == "text" and column.blanks:
        spec["stored_as"] = "text"
        note = "Missing numbers are blank text in the file."
    return Kind(spec, note=note)


def _decide_whole_numbers(column: Column) -> Kind | None:
    """Recognise whole numbers that are not quantities; return None for quantities."""
    if column.distinct == 2:
        return _category(column, "A flag: it has two different whole numbers.")
    if all(_compact_date.fullmatch(value.strip()) for value in column.values):
        return Kind(left_out="date")
    if counts_rows(column):
        return Kind(left_out="row_number")
    if column.unique and key_rank(column.name):
        return Kind(left_out="naming")
    if names_a_code(column.name):
        return _decide_names(column, "Whole numbers that are codes, not quantities, by the column's name.")
    return None


def _is_integer(column: Column, numbers: Floats) -> bool:
    if column.whole:
        return True
    # pandas writes whole numbers as floats if some are missing; other floats are real numbers.
    present = numbers[~np.isnan(numbers)]
    return bool(column.missing.any()) and bool((present == np.trunc(present)).all())


def _category(column: Column, note: str | None = None, **more: Any) -> Kind:
    spec: dict[str, Any] = {"kind": "category"} | more
    if column.missing.any():
        spec["nullable"] = True
    return Kind(spec, note=note)


def _all_dates(values: list[str]) -> bool:
    return all(any(pattern.fullmatch(value.strip()) for pattern in _dates) for value in values)


def _tidy(number: float) -> float | int:
    return int(number) if number.is_integer() and abs(number) < 1e15 else number
