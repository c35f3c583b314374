"""The bounds that a number column gets, with room beyond what the table holds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

RULE: Final = (
    "Bounds have room: twice the largest value of the table, rounded up to 1, 2 or 5 times a power of ten; 0"
    " where no value is below (or above) it."
)

LARGEST: Final = 1.0e38
"""Values beyond have no room left in a float32."""


def bounds_with_room(numbers: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Return minimum and maximum for a column, by `RULE`.

    Parameters
    ----------
    numbers : ndarray of float64, shape (rows,)
        NaN is missing; at least two different values, none beyond `LARGEST`.
    """
    lowest, highest = float(np.nanmin(numbers)), float(np.nanmax(numbers))
    return (-_room(-lowest) if lowest < 0 else 0.0, _room(highest) if highest > 0 else 0.0)


def _room(value: float) -> float:
    """Return the least of 1, 2, 5, 10, ... that is at least twice a positive value."""
    wanted = 2 * value
    exponent = math.floor(math.log10(wanted))
    # From text, so that 0.2 is written as 0.2; one exponent more, as logarithms are rounded.
    steps = [float(f"{digit}e{power}") for power in (exponent, exponent + 1) for digit in (1, 2, 5)]
    return next(step for step in steps if step >= wanted)
