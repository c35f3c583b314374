"""Number columns that follow from two others, as a total from a price and a quantity."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

FOLLOWS_FROM: Final = 0.995
"""A column follows from a combination if it explains this share of the column's variance, ..."""

ALONE_AT_MOST: Final = 0.97
"""... and neither part alone explains more than this."""

FEWEST_ROWS: Final = 50
_MOST_COLUMNS: Final = 20
_MOST_ROWS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Function:
    """A column that is nearly a function of two others.

    Attributes
    ----------
    column : str
    first, second : str
    sign : str
        Of the operation between them.
    """

    column: str
    first: str
    second: str
    sign: str

    @property
    def columns(self) -> tuple[str, str, str]:
        """All three columns."""
        return self.column, self.first, self.second

    @property
    def note(self) -> str:
        """The comment for the configuration, which offers one reason for the three columns."""
        return (
            f"{self}. With reason_group: {self.column} on all three columns they share one reason, instead of"
            " several that say the same."
        )

    def __str__(self) -> str:
        """Return it as a formula."""
        return f"{self.column} is close to {self.first} {self.sign} {self.second}"


_OPERATIONS: Final[dict[str, Callable[[Floats, Floats], Floats]]] = {
    "x": np.multiply,
    "+": np.add,
    "-": np.subtract,
}


def find_functions(columns: Mapping[str, Floats]) -> list[Function]:
    """Find columns that follow from two others; each column is reported once, as the result or not at all.

    Parameters
    ----------
    columns : mapping
        By name, the numbers of each column; NaN where missing.
    """
    names = list(columns)[:_MOST_COLUMNS]
    if len(names) < 3 or len(columns[names[0]]) < FEWEST_ROWS:
        return []
    rows = np.linspace(0, len(columns[names[0]]) - 1, min(_MOST_ROWS, len(columns[names[0]]))).astype(
        np.int64
    )
    values = {name: columns[name][rows] for name in names}
    found: list[Function] = []
    used: set[frozenset[str]] = set()
    for name in names:
        best: tuple[float, Function] | None = None
        for first, second in combinations([other for other in names if other != name], 2):
            if frozenset((name, first, second)) in used:
                continue
            for sign, operation in _OPERATIONS.items():
                share = _explained(operation(values[first], values[second]), values[name])
                if share >= FOLLOWS_FROM and (best is None or share > best[0]):
                    alone = max(_explained(values[part], values[name]) for part in (first, second))
                    if alone <= ALONE_AT_MOST:
                        best = share, Function(name, first, second, sign)
        if best is not None:
            found.append(best[1])
            used.add(frozenset(best[1].columns))
    return found


def _explained(one: Floats, other: Floats) -> float:
    """Return the squared correlation of the rows in which both are present; 0 without variance."""
    present = np.isfinite(one) & np.isfinite(other)
    if present.sum() < FEWEST_ROWS:
        return 0.0
    one, other = one[present], other[present]
    one, other = one - one.mean(), other - other.mean()
    spread = float((one @ one) * (other @ other))
    return float(one @ other) ** 2 / spread if spread > 0 else 0.0
