"""The decision what a column becomes: a number, a category, or left out."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from churn_core.data.inspection.keys.key_names import key_rank, names_a_code
from churn_core.data.inspection.keys.keys import (
    FEWEST_GROUPS,
    holds_whole_numbers,
    is_key_by_values,
    is_row_number,
)
from churn_core.data.inspection.ranges import LARGEST, bounds_with_room
from churn_core.scoring.records.categories import BOOLEANS, WHOLE_TEXT
from churn_core.scoring.records.number_text import BLANK, lower_ascii

if TYPE_CHECKING:
    from collections.abc import Sequence

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
_whole_text = re.compile(WHOLE_TEXT)
_compact_date = re.compile(r"(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])")
_telephone = re.compile(r"(\+|00?|\(0)[0-9]{1,4}([ ()/.-]{1,2}[0-9]{1,12}){1,6}")
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


def decide_kind(column: Column, signs: Sequence[str] = ()) -> Kind:
    """Decide by the values, and by the name only where whole numbers may be codes.

    Parameters
    ----------
    column : Column
    signs : sequence of str
        The signs beside its numbers.
    """
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
    if key_rank(column.name) == 3 and column.distinct >= FEWEST_GROUPS and not column.unique:
        return Kind(left_out="other_key")
    if column.numbers is None:
        return _decide_text(column)
    if column.storage == "text" and column.leading_zeros:
        return _decide_names(column, "Digits with leading zeros are codes, not numbers.")
    return _decide_number(column, column.numbers, signs)


def _decide_text(column: Column) -> Kind:
    if _all_dates(column.values):
        return Kind(left_out="date")
    if all(_telephone.fullmatch(value.strip()) for value in column.values):
        return _decide_names(column)
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
        return _category(column, note)
    if wordy and column.distinct > column.present / LEVEL_ROWS:
        return Kind(left_out="free_text")
    frequent = np.sort(counts)[::-1][:GROUPED_LEVELS]
    frequent = frequent[frequent >= LEVEL_ROWS]
    if len(frequent) < 2 or frequent.sum() < GROUPED_SHARE * column.present:
        return Kind(left_out="scattered")
    grouped = f"{column.distinct:,} different values: the {len(frequent)} most frequent have own levels."
    return _category(column, f"{note} {grouped}" if note else grouped, max_levels=len(frequent))


def _decide_number(column: Column, numbers: Floats, signs: Sequence[str]) -> Kind:
    if len(np.unique(numbers[~np.isnan(numbers)])) < 2:
        return Kind(left_out="constant")
    if holds_whole_numbers(column) and (rule := _key_rule(column)) is not None:
        return Kind(left_out=rule)
    if holds_whole_numbers(column):
        special = _decide_whole_numbers(column)
        if special is not None:
            return special
    if float(np.nanmax(np.abs(numbers))) > LARGEST:
        return Kind(left_out="too_large")
    minimum, maximum = bounds_with_room(numbers)
    spec: dict[str, Any] = {"kind": "number"}
    if _is_integer(column, numbers):
        spec["integer"] = True
    spec["expected"] = [_tidy(minimum), _tidy(maximum)]
    if column.missing.any() or np.isnan(numbers).any():
        spec["nullable"] = True
    if column.storage == "text" and (
        column.blanks or column.tokens or column.marked or not column.text_cells
    ):
        spec["stored_as"] = "text"
    if signs:
        spec["signs"] = list(signs)
    return Kind(spec, note=_number_note(column, signs))


def _number_note(column: Column, signs: Sequence[str]) -> str | None:
    notes = []
    if column.tokens:
        notes.append(f"A missing number is written {_listed(column.tokens)} in the file.")
    elif column.storage == "text" and column.blanks:
        notes.append("Missing numbers are blank text in the file.")
    if "%" in signs:
        notes.append("Numbers have a percent sign in the file: 45 % is read as 45.")
    elif signs:
        notes.append(f"Numbers are written with {_listed(signs)} in the file.")
    elif column.marked:
        notes.append("Numbers are read with the marks under reader.")
    return " ".join(notes) or None


def _listed(texts: Sequence[str]) -> str:
    return " or ".join(f"'{text}'" for text in texts)


def _decide_whole_numbers(column: Column) -> Kind | None:
    """Recognise whole numbers that are not quantities; return None for quantities."""
    if column.distinct == 2:
        return _category(column, "A flag: it has two different whole numbers.")
    numbers = np.unique(np.asarray(column.numbers))
    if all(_compact_date.fullmatch(f"{number:.0f}") for number in numbers[~np.isnan(numbers)]):
        return Kind(left_out="date")
    if names_a_code(column.name):
        return _decide_names(column, "Whole numbers that are codes, not quantities, by the column's name.")
    return None


def _key_rule(column: Column) -> str | None:
    """Return why whole numbers, all different, are a key; None if they may be a quantity."""
    if is_row_number(column):
        return "row_number"
    if column.unique and key_rank(column.name):
        return "naming"
    numbers = np.asarray(column.numbers)
    if not is_key_by_values(column) or all(_compact_date.fullmatch(f"{number:.0f}") for number in numbers):
        return None
    return "unique_number"


def _is_integer(column: Column, numbers: Floats) -> bool:
    if column.whole:
        return True
    # pandas writes whole numbers as floats if some are missing; other floats are real numbers.
    present = numbers[~np.isnan(numbers)]
    return bool(column.missing.any()) and bool((present == np.trunc(present)).all())


def _category(column: Column, note: str | None = None, **more: Any) -> Kind:
    spec: dict[str, Any] = {"kind": "category"} | _compared_by(column) | more
    if column.missing.any():
        spec["nullable"] = True
    return Kind(spec, note=note)


def _compared_by(column: Column) -> dict[str, str]:
    """Compare by value if all levels are whole numbers or all are booleans; empty for text."""
    values = [lower_ascii(value.strip(BLANK)) for value in column.values]
    if {value.removesuffix(".0") for value in values} == {"0", "1"}:
        # People then read no and yes.
        return {"values": "boolean"}
    if all(_whole_text.fullmatch(value) for value in values):
        return {"values": "integer"}
    return {"values": "boolean"} if BOOLEANS.keys() >= set(values) else {}


def holds_dates(column: Column) -> bool:
    """Return whether a column holds dates or times, as a type of their own or as text."""
    return column.storage == "date" or (
        column.storage == "text" and bool(column.values) and _all_dates(column.values)
    )


def _all_dates(values: list[str]) -> bool:
    return all(any(pattern.fullmatch(value.strip()) for pattern in _dates) for value in values)


def _tidy(number: float) -> float | int:
    return int(number) if number.is_integer() and abs(number) < 1e15 else number
