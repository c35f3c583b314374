"""Replicated customers: rows that repeat earlier rows in all features, or in all but one.

A table with few columns has equal rows by chance. Replicas differ from such rows in three ways.

1. Take any column. Rows that are equal in all other columns are nearly always equal in it too, or at least
   far more often than two random rows are. Rows that are equal by chance differ in some column as often as
   random rows do. That holds too where other columns follow from each other, as a price from a number of
   seats.
2. There are many more equal pairs than independent columns would give.
3. Each set of equal rows is small. Chance makes large sets, of hundreds of rows that are a common case.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
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
"""A smaller share of repeated rows is not reported."""

EQUAL_SHARE: Final = 0.6
"""Of the pairs that are equal in all other columns, and that chance leaves different in the column, this
share must be equal in it too, ..."""

EQUAL_TIMES: Final = 10
"""... or this many times the share of random pairs that are equal in it."""

CHANCE_SHARE: Final = 0.1
"""Independent columns may explain at most this share of the equal pairs."""

FOLLOWING_SHARE: Final = 0.9
"""Columns follow from two others if this share of the pairs that chance makes equal in the two are equal in
all."""

MOST_COPIES: Final = 20
"""At least half of the repeated rows must be in sets of at most this size."""

_TRIED: Final = 3


@dataclass(frozen=True, slots=True)
class Replicas:
    """Rows that repeat earlier rows.

    Attributes
    ----------
    repeats : ndarray of bool, shape (rows,)
        Whether an earlier row is equal.
    except_in : int or None
        The position of the only column in which the rows differ; None if they are equal in all.
    """

    repeats: npt.NDArray[np.bool_]
    except_in: int | None


def find_replicas(columns: Sequence[Codes], groups: Codes | None = None) -> Replicas | None:
    """Find replicated rows, equal in all columns or in all but one.

    Parameters
    ----------
    columns : sequence of ndarray of int64, shape (rows,)
        Codes that are equal where values are equal.
    groups : ndarray of int64, shape (rows,), optional
        Rows that repeat a row of their own group are ignored, because no split separates them. -1 means no
        group.

    Returns
    -------
    Replicas or None
        None if there are too few, or chance explains them.
    """
    if len(columns) < 3 or len(columns[0]) < FEWEST_ROWS:
        return None
    # A row's hash is the sum of its codes, each times a random number of its column.
    keys = np.random.default_rng(0).integers(1, 2**64, len(columns), dtype=np.uint64)
    hashes = [codes.astype(np.uint64) * key for codes, key in zip(columns, keys, strict=True)]
    table = _Hashed(hashes, np.array([_equal_share(codes) for codes in columns]), groups)
    every_column = list(range(len(columns)))
    if (found := table.find_replicated(every_column)) is not None:
        return Replicas(found, None)
    without = [
        table.count_pairs([other for other in every_column if other != position]) for position in every_column
    ]
    pairs = table.count_pairs(every_column)
    for position in np.argsort(without)[::-1][:_TRIED].tolist():
        # Rows that do not differ in the column were judged above.
        if FOLLOWING_SHARE * without[position] <= pairs:
            continue
        if (found := table.find_replicated([p for p in every_column if p != position])) is not None:
            return Replicas(found, position)
    return None


@dataclass(frozen=True, slots=True)
class _Hashed:
    """The hash of each cell, and the share of random pairs of rows that are equal in each column."""

    hashes: list[Hashes]
    chances: npt.NDArray[np.float64]
    groups: Codes | None

    def find_replicated(self, chosen: list[int]) -> npt.NDArray[np.bool_] | None:
        """Return which rows are replicas in the columns `chosen`, or None if chance explains them."""
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
        pairs = self.count_pairs(chosen)
        by_chance = float(np.prod(self.chances[chosen])) * len(rows) * (len(rows) - 1) / 2
        if by_chance > CHANCE_SHARE * pairs:
            return None
        for position in chosen:
            without = self.count_pairs([other for other in chosen if other != position])
            chance = float(self.chances[position])
            if pairs < min(chance + EQUAL_SHARE * (1 - chance), EQUAL_TIMES * chance) * without:
                return None
        return None if self._follows_from_two(chosen, rows, pairs) else repeats

    def _follows_from_two(self, chosen: list[int], rows: Hashes, pairs: int) -> bool:
        """Return whether all columns follow from two, in which chance makes rows equal.

        The chances are those of different rows, because replicas make every value repeat.
        """
        different = np.unique(rows, return_index=True)[1]
        total = len(rows) * (len(rows) - 1) / 2
        chances = {position: _hashed_share(self.hashes[position][different]) for position in chosen}
        for one, other in combinations(chosen, 2):
            expected = chances[one] * chances[other] * total
            if expected <= CHANCE_SHARE * pairs:
                continue
            # Rows that chance makes equal in the two differ elsewhere, unless the other columns follow.
            if self.count_pairs([one, other]) - pairs <= (1 - FOLLOWING_SHARE) * expected:
                return True
        return False

    def count_pairs(self, chosen: list[int]) -> int:
        """Count the pairs of rows that are equal in the columns `chosen`."""
        counts = np.unique(self._rows(chosen), return_counts=True)[1]
        return int((counts * (counts - 1) // 2).sum())

    def _rows(self, chosen: list[int]) -> Hashes:
        total = np.zeros(len(self.hashes[0]), dtype=np.uint64)
        for position in chosen:
            total += self.hashes[position]
        return total


def _equal_share(codes: Codes) -> float:
    return _pair_share(np.bincount(codes + 1).astype(np.float64), len(codes))


def _hashed_share(hashes: Hashes) -> float:
    return _pair_share(np.unique(hashes, return_counts=True)[1].astype(np.float64), len(hashes))


def _pair_share(counts: npt.NDArray[np.float64], rows: int) -> float:
    return float((counts * (counts - 1)).sum() / max(1, rows * (rows - 1)))
