"""Key columns: the id of a customer, and keys that several rows share."""

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
"""A column is a group only if at least this share of the rows has a key that repeats."""

LARGEST_MEAN: Final = 50.0
"""Mean rows per key at most; customers and households have fewer rows than that."""

_digits_at_end = re.compile(r"(.*?)([0-9]{1,15})")


@dataclass(frozen=True, slots=True)
class GroupCandidate:
    """A key that repeats; `same_customer` is true if its name is that of a single customer's key."""

    name: str
    same_customer: bool


def find_id(columns: list[Column]) -> str | None:
    """Find the id: a column named like a key, with a different value in every row."""
    ranked = [(_rank(column), -position) for position, column in enumerate(columns)]
    unique = [
        rank
        for rank, column in zip(ranked, columns, strict=True)
        if rank[0] and column.unique and _may_be_key(column) and not column.unfit
    ]
    return columns[-max(unique)[1]].name if unique else None


def _may_be_key(column: Column) -> bool:
    if column.storage != "float":
        return column.storage in ("text", "integer")
    # pandas stores whole numbers as floats if one is missing.
    numbers = column.numbers
    return column.infinite is None and numbers is not None and not (numbers % 1 > 0).any()


def _rank(column: Column) -> float:
    rank = key_rank(column.name)
    # A row number is the id only if there is no other key.
    return 0.5 if rank and counts_rows(column) and not names_a_person(column.name) else rank


def counts_rows(column: Column) -> bool:
    """Return whether a column numbers the rows, up or down."""
    if column.numbers is None or not column.whole or not column.unique:
        return False
    steps = np.diff(column.numbers)
    return len(steps) > 1 and bool((steps == 1).all() or (steps == -1).all())


def find_group(columns: list[Column]) -> GroupCandidate | None:
    """Find a key that several rows share; a single customer's key is preferred to a household's."""
    found = [
        GroupCandidate(column.name, names_a_person(column.name))
        for column in columns
        if _may_be_key(column) and names_several_rows(column.name) and _repeats(column)
    ]
    return max(found, key=lambda candidate: candidate.same_customer, default=None)


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


def _repeats(column: Column) -> bool:
    counts = column.counts
    if len(counts) < FEWEST_GROUPS or counts.mean() > LARGEST_MEAN:
        return False
    return bool(counts[counts > 1].sum() >= REPEATED_SHARE * len(column.codes))
