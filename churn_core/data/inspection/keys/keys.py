"""Key columns: the id of a customer, and keys that several rows share."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from churn_core.data.inspection.keys.key_names import (
    key_rank,
    names_a_measure,
    names_a_person,
    names_a_row_number,
    names_several_rows,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from churn_core.data.inspection.column import Column

FEWEST_GROUPS: Final = 20
REPEATED_SHARE: Final = 0.05
"""A column is a group only if at least this share of the rows has a key that repeats."""

LARGEST_MEAN: Final = 50.0
"""Mean rows per key at most, where the name alone is no proof; households have fewer rows than that."""

EXPECTED_PAIRS: Final = 8.0
"""Different whole numbers are a key if chance would give so many equal pairs: then chance gives none in only
one of 3,000 tables (a Poisson number is 0 with the probability exp(-8))."""

KEY_DIGITS: Final = 7
"""Different whole numbers that all have the same number of digits, and at least so many, are a key."""

PANEL_SHARE: Final = 0.5
"""In a panel, at least this share of all pairs of a key and a date has a row."""

_NEIGHBOURS: Final = 10

_digits_at_end = re.compile(r"(.*?)([0-9]{1,15})")
_uuid = re.compile(r"\{?[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}\}?", re.IGNORECASE)
_hash = re.compile(r"[0-9a-f]{16,128}", re.IGNORECASE)
_code = re.compile(r"[^\W\d_]{0,8}[-_/.#]?([0-9]+[-_/.]?)*[0-9]{3,}[-_/.]?[^\W\d_]{0,8}")


@dataclass(frozen=True, slots=True)
class FoundId:
    """The id, and the columns about which the user has to decide.

    Attributes
    ----------
    name : str or None
    in_doubt : tuple of str
        Columns that could be the id as well as `name`, or in its place if it is None.
    """

    name: str | None
    in_doubt: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GroupCandidate:
    """A key that repeats; `same_customer` is true if it is a single customer's key."""

    name: str
    same_customer: bool


def find_id(columns: Sequence[Column]) -> FoundId:
    """Find the id by uniqueness, name and form.

    Without a name that tells, UUIDs and hashes are taken; other codes and numbers are left to the user.
    """
    unique = [column for column in columns if _may_be_id(column)]
    ranks = [key_rank(column.name) for column in unique]
    best = max(ranks, default=0)
    if best:
        named = [column.name for column, rank in zip(unique, ranks, strict=True) if rank == best]
        return FoundId(named[0], tuple(named[1:]))
    certain = [
        column.name for column in unique if column.storage == "text" and _all_match(column, _uuid, _hash)
    ]
    if len(certain) == 1:
        return FoundId(certain[0])
    return FoundId(None, tuple(column.name for column in unique if is_key_by_values(column)))


def _may_be_id(column: Column) -> bool:
    return column.unique and _may_be_key(column) and not column.unfit and not is_row_number(column)


def _may_be_key(column: Column) -> bool:
    return bool(column.name) and (column.storage == "text" or holds_whole_numbers(column))


def holds_whole_numbers(column: Column) -> bool:
    """Return whether all values are whole numbers, whatever type stores them."""
    if column.numbers is None or column.infinite is not None:
        return False
    return not (column.numbers % 1 > 0).any()


def is_row_number(column: Column) -> bool:
    """Return whether a column merely numbers the rows, such as an index that pandas saved.

    A customer's id that happens to count upwards does not: its name says what it is.
    """
    if not column.unique or not holds_whole_numbers(column):
        return False
    return names_a_row_number(column.name) or (counts_rows(column) and not key_rank(column.name))


def counts_rows(column: Column) -> bool:
    """Return whether a column numbers the rows, up or down."""
    if column.numbers is None or not column.unique or not holds_whole_numbers(column):
        return False
    steps = np.diff(column.numbers)
    return len(steps) > 1 and bool((steps == 1).all() or (steps == -1).all())


def is_key_by_values(column: Column) -> bool:
    """Return whether the values of a column are a key's: all different, and of a key's form."""
    if not column.unique or not _may_be_key(column) or names_a_measure(column.name):
        return False
    if column.numbers is None:
        return _all_match(column, _uuid, _hash, _code)
    digits = {len(f"{abs(end):.0f}") for end in (column.numbers.min(), column.numbers.max())}
    if len(digits) == 1 and min(digits) >= KEY_DIGITS and column.numbers.min() > 0:
        return True
    return _expected_pairs(column.numbers) >= EXPECTED_PAIRS


def _all_match(column: Column, *patterns: re.Pattern[str]) -> bool:
    return all(any(pattern.fullmatch(value.strip()) for pattern in patterns) for value in column.values)


def _expected_pairs(numbers: npt.NDArray[np.float64]) -> float:
    """Return how many equal pairs independent whole numbers with this distribution would have.

    The density comes from the distances of neighbours. Multiples of a number, such as 7, are divided by it.
    """
    ordered = np.sort(numbers)
    steps = np.diff(ordered)
    if not len(steps) or ordered[-1] - ordered[0] >= 2**53:
        return 0.0
    step = np.gcd.reduce(steps.astype(np.int64))
    starts = np.arange(0, len(ordered) - 1, _NEIGHBOURS)
    ends = np.minimum(starts + _NEIGHBOURS, len(ordered) - 1)
    counts, widths = ends - starts, (ordered[ends] - ordered[starts]) / step
    return float((counts * (counts - 1) / 2 / np.maximum(widths, 1)).sum())


def find_group(columns: Sequence[Column], dates: Sequence[Column] = ()) -> GroupCandidate | None:
    """Find a key that several rows share; a single customer's key is preferred to a household's.

    Parameters
    ----------
    columns : sequence of Column
    dates : sequence of Column
        Columns of dates or periods. In a panel, a key has one row for each of them.
    """
    found = [
        GroupCandidate(column.name, names_a_person(column.name))
        for column in columns
        if _may_be_key(column) and names_several_rows(column.name) and _repeats(column)
    ]
    # Of several keys of single customers, the one with the clearest name.
    certain = max(
        found, key=lambda candidate: (candidate.same_customer, key_rank(candidate.name)), default=None
    )
    if certain is not None and certain.same_customer:
        return certain
    panel = next((column.name for column in columns if any(_is_panel(column, date) for date in dates)), None)
    return certain if panel is None else GroupCandidate(panel, same_customer=True)


def _repeats(column: Column) -> bool:
    counts = column.counts
    repeated = int(counts[counts > 1].sum())
    if key_rank(column.name) >= 2 and names_a_person(column.name):
        return len(counts) > 1 and repeated > 0
    if len(counts) < FEWEST_GROUPS or counts.mean() > LARGEST_MEAN:
        return False
    return repeated >= REPEATED_SHARE * len(column.codes)


def _is_panel(column: Column, date: Column) -> bool:
    """Return whether a column and a date together number the rows, and most of their pairs occur."""
    if not _may_be_key(column) or column.name == date.name or names_a_measure(column.name):
        return False
    rows, keys, days = len(column.codes), column.distinct, date.distinct
    if not FEWEST_GROUPS <= keys <= rows / 2 or days < 3 or PANEL_SHARE * keys * days > rows:
        return False
    pairs = column.codes * days + date.codes
    return bool((column.codes >= 0).all() and (date.codes >= 0).all() and len(np.unique(pairs)) == rows)


def id_order(column: Column) -> npt.NDArray[np.float64] | None:
    """Return ids as numbers that give their order, or None if they have no order.

    An id has an order if it is a number, or text that ends in digits and begins alike in every row.
    """
    if column.numbers is not None:
        return column.numbers
    matches = [_digits_at_end.fullmatch(value.strip()) for value in column.values]
    if not matches or any(match is None for match in matches):
        return None
    parts = [match.groups() for match in matches if match is not None]
    if len({beginning for beginning, _ in parts}) > 1:
        return None
    return np.array([float(digits) for _, digits in parts] + [np.nan])[column.codes]
