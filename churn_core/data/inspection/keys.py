"""Columns that say whose row it is: the id, and what several rows of one customer share."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from churn_core.data.inspection.names import key_rank, names_a_person, names_several_rows

if TYPE_CHECKING:
    import numpy.typing as npt

    from churn_core.data.inspection.column import Column

FEWEST_GROUPS: Final = 20
REPEATED_SHARE: Final = 0.05
"""Share of the rows whose key must occur again for a column to be a group."""

LARGEST_MEAN: Final = 50.0
"""Rows a key may have on average; what has more is no customer and no household."""

_digits_at_end = re.compile(r"(.*?)([0-9]{1,15})")


@dataclass(frozen=True, slots=True)
class GroupCandidate:
    """A key that repeats; `same_customer` tells whether, by its name, it is that of one customer."""

    name: str
    same_customer: bool


def find_id(columns: list[Column]) -> str | None:
    """Find the column that names the customer: by its name, and with a value of its own in every row."""
    ranked = [(_rank(column), -position) for position, column in enumerate(columns)]
    unique = [
        rank
        for rank, column in zip(ranked, columns, strict=True)
        if rank[0] and column.unique and column.storage in ("text", "integer") and not column.unfit
    ]
    return columns[-max(unique)[1]].name if unique else None


def _rank(column: Column) -> float:
    rank = key_rank(column.name)
    # A row number is a key only where no customer has one.
    return 0.5 if rank and counts_rows(column) and not names_a_person(column.name) else rank


def counts_rows(column: Column) -> bool:
    """Return whether a column counts the rows, up or down."""
    if column.numbers is None or not column.whole or not column.unique:
        return False
    steps = np.diff(column.numbers)
    return len(steps) > 1 and bool((steps == 1).all() or (steps == -1).all())


def find_group(columns: list[Column]) -> GroupCandidate | None:
    """Find a key that several rows share; that of one customer before that of a household."""
    found = [
        GroupCandidate(column.name, names_a_person(column.name))
        for column in columns
        if column.storage in ("text", "integer") and names_several_rows(column.name) and _repeats(column)
    ]
    return max(found, key=lambda candidate: candidate.same_customer, default=None)


def id_order(column: Column) -> npt.NDArray[np.float64] | None:
    """Return the order of ids as numbers, or None where they have none.

    An id is a number, or a text that ends in digits behind the same beginning in every row.
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


def _repeats(column: Column) -> bool:
    counts = column.counts
    if len(counts) < FEWEST_GROUPS or counts.mean() > LARGEST_MEAN:
        return False
    return bool(counts[counts > 1].sum() >= REPEATED_SHARE * len(column.codes))
