"""A period in the order of a table's rows: rows of one distance are nearly equal, those beside it are not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Codes = npt.NDArray[np.int64]

MOST_ROWS: Final = 4_000
"""Rows that are compared, from the first one on."""

LONGEST_LAG: Final = 1_000

EQUAL_SHARE: Final = 0.8
"""Of the values of two rows, this share must be equal on average, ..."""

TIMES_OTHERS: Final = 1.5
"""... and this many times the share of rows at the distances beside it. A sorted table has no such step."""


@dataclass(frozen=True, slots=True)
class Period:
    """A distance at which rows are nearly equal.

    Attributes
    ----------
    lag : int
        In rows.
    equal_share : float
        Mean share of equal values of two rows.
    """

    lag: int
    equal_share: float


def find_period(columns: Sequence[Codes]) -> Period | None:
    """Return the shortest period in the order of the rows, or None.

    Parameters
    ----------
    columns : sequence of ndarray of int64, shape (rows,)
        Codes that are equal where values are equal.
    """
    table = np.array([codes[:MOST_ROWS] for codes in columns])
    # A column with a single value says nothing.
    table = table[[len(np.unique(codes)) > 1 for codes in table]] if len(table) else table
    if len(table) < 3 or table.shape[1] < 20:
        return None
    longest = min(LONGEST_LAG, table.shape[1] // 2)
    shares = np.array([(table[:, lag:] == table[:, :-lag]).mean() for lag in range(1, longest + 1)])
    for position in range(1, longest - 1):
        beside = max(shares[position - 1], shares[position + 1])
        if shares[position] >= EQUAL_SHARE and shares[position] >= TIMES_OTHERS * beside:
            return Period(position + 1, float(shares[position]))
    return None
