"""Customers who are in a table more than once, by their columns alone.

A table of few columns has equal rows by chance. Replicas differ from those in two ways. Rows that are
equal in all columns but one are nearly always equal in that one too, whichever it is; with chance at
work, at least one column (a free amount, say) tells some of them apart. And there are many more equal
pairs than independent columns would give, as they do where every column nearly always holds one value.
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

EQUAL_SHARE: Final = 0.8
"""Of the pairs that are equal in all columns but one, so many must be equal in that one too."""

CHANCE_SHARE: Final = 0.1
"""Of the equal pairs, independent columns may explain at most so many."""

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


def find_replicas(columns: Sequence[Codes]) -> Replicas | None:
    """Look for replicated rows, equal in all columns or in all but one.

    Parameters
    ----------
    columns : sequence of ndarray of int64, shape (rows,)
        Codes that are equal where values are.

    Returns
    -------
    Replicas or None
        None where there are too few, or chance explains them.
    """
    if len(columns) < 3:
        return None
    # Each column has a multiplier of its own: the sum over a row stands for the row.
    keys = np.random.default_rng(0).integers(1, 2**64, len(columns), dtype=np.uint64)
    hashes = [codes.astype(np.uint64) * key for codes, key in zip(columns, keys, strict=True)]
    chances = np.array([_pairs(own) for own in hashes]) / max(1, len(columns[0]) * (len(columns[0]) - 1) // 2)
    whole = np.stack(hashes).sum(axis=0, dtype=np.uint64)
    without = [_pairs(whole - own) for own in hashes]
    if (found := _replicated(whole, without, chances)) is not None:
        return Replicas(found, None)
    for position in np.argsort(without)[::-1][:_TRIED].tolist():
        rest = whole - hashes[position]
        others = [_pairs(rest - own) for other, own in enumerate(hashes) if other != position]
        if (found := _replicated(rest, others, np.delete(chances, position))) is not None:
            return Replicas(found, position)
    return None


def _replicated(
    rows: Hashes, pairs_without: list[int], chances: npt.NDArray[np.float64]
) -> npt.NDArray[np.bool_] | None:
    repeats = pd.Series(rows).duplicated().to_numpy(dtype=np.bool_)
    if repeats.sum() < max(FEWEST_ROWS, SMALLEST_SHARE * len(rows)):
        return None
    pairs = _pairs(rows)
    by_chance = float(np.prod(chances)) * len(rows) * (len(rows) - 1) / 2
    told_apart = pairs < EQUAL_SHARE * max(pairs_without)
    return None if told_apart or by_chance > CHANCE_SHARE * pairs else repeats


def _pairs(rows: Hashes) -> int:
    counts = pd.Series(rows).value_counts(sort=False).to_numpy()
    return int((counts * (counts - 1) // 2).sum())
