"""Customers who are in a table more than once, by their columns alone.

A table of few columns has equal rows by chance. Replicas differ from those in three ways. Rows that are
equal in all columns but one are nearly always equal in that one too, or at least far more often than any
two rows are, whichever column it is; with chance at work, there is a column that tells them apart as it
tells any two rows apart. There are many more equal pairs than independent columns would give. And few
rows are equal to one another, where chance makes one common case of hundreds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Codes = npt.NDArray[np.int64]
    Hashes = npt.NDArray[np.uint64]

FEWEST_ROWS: Final = 10
SMALLEST_SHARE: Final = 0.01
"""Fewer repeated rows are not worth a word."""

EQUAL_SHARE: Final = 0.6
"""Of the pairs that are equal in all columns but one, so many must be equal in that one too, ..."""

EQUAL_TIMES: Final = 10
"""... or so many times the share of all pairs that are equal in it."""

CHANCE_SHARE: Final = 0.1
"""Of the equal pairs, independent columns may explain at most so many."""

MOST_COPIES: Final = 20
"""At least half of the repeated rows must be of sets no larger: many more equal rows are a common case."""

_TRIED: Final = 3


@dataclass(frozen=True, slots=True)
class Replicas:
    """Rows that repeat earlier ones.

    Attributes
    ----------
    repeats : ndarray of bool, shape (rows,)
        Rows for which an earlier row is equal.
    but_for : int or None
        The position of the only column in which they differ, if there is one.
    """

    repeats: npt.NDArray[np.bool_]
    but_for: int | None


def find_replicas(columns: Sequence[Codes], groups: Codes | None = None) -> Replicas | None:
    """Look for replicated rows, equal in all columns or in all but one.

    Parameters
    ----------
    columns : sequence of ndarray of int64, shape (rows,)
        Codes that are equal where values are.
    groups : ndarray of int64, shape (rows,), optional
        Rows that repeat one of their own group are left aside: no split parts them. -1 is no group.

    Returns
    -------
    Replicas or None
        None where there are too few, or chance explains them.
    """
    if len(columns) < 3 or len(columns[0]) < FEWEST_ROWS:
        return None
    # Each column has a multiplier of its own: the sum over a row stands for the row.
    keys = np.random.default_rng(0).integers(1, 2**64, len(columns), dtype=np.uint64)
    hashes = [codes.astype(np.uint64) * key for codes, key in zip(columns, keys, strict=True)]
    table = _Hashed(hashes, np.array([_chance(codes) for codes in columns]), groups)
    everything = list(range(len(columns)))
    if (found := table.replicated(everything)) is not None:
        return Replicas(found, None)
    without = [table.pairs([other for other in everything if other != position]) for position in everything]
    for position in np.argsort(without)[::-1][:_TRIED].tolist():
        if (found := table.replicated([p for p in everything if p != position])) is not None:
            return Replicas(found, position)
    return None


@dataclass(frozen=True, slots=True)
class _Hashed:
    """Columns as one hash a cell, and how often two rows have a column's value in common by chance."""

    hashes: list[Hashes]
    chances: npt.NDArray[np.float64]
    groups: Codes | None

    def replicated(self, chosen: list[int]) -> npt.NDArray[np.bool_] | None:
        """Return which rows are replicas by the columns `chosen`, or None."""
        rows = self._rows(chosen)
        repeats = pd.Series(rows).duplicated().to_numpy(dtype=np.bool_)
        if self.groups is not None:
            in_group = pd.DataFrame({"row": rows, "group": self.groups}).duplicated().to_numpy(dtype=np.bool_)
            repeats = repeats & ~(in_group & (self.groups >= 0))
        if repeats.sum() < max(FEWEST_ROWS, SMALLEST_SHARE * len(rows)):
            return None
        copies = np.unique(rows, return_counts=True)[1]
        if (copies - 1)[copies > MOST_COPIES].sum() > 0.5 * (copies - 1).sum():
            return None
        pairs = self.pairs(chosen)
        by_chance = float(np.prod(self.chances[chosen])) * len(rows) * (len(rows) - 1) / 2
        if by_chance > CHANCE_SHARE * pairs:
            return None
        for position in chosen:
            without = self.pairs([other for other in chosen if other != position])
            if pairs < min(EQUAL_SHARE, EQUAL_TIMES * self.chances[position]) * without:
                return None
        return repeats

    def pairs(self, chosen: list[int]) -> int:
        """Count the pairs of rows that are equal in the columns `chosen`."""
        counts = np.unique(self._rows(chosen), return_counts=True)[1]
        return int((counts * (counts - 1) // 2).sum())

    def _rows(self, chosen: list[int]) -> Hashes:
        total = np.zeros(len(self.hashes[0]), dtype=np.uint64)
        for position in chosen:
            total += self.hashes[position]
        return total


def _chance(codes: Codes) -> float:
    counts = np.bincount(codes + 1).astype(np.float64)
    return float((counts * (counts - 1)).sum() / (len(codes) * (len(codes) - 1)))
