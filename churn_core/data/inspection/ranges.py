"""The expected range of a number column, with room beyond the values of the table."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

RULE: Final = (
    "A number outside its expected range is scored with a warning; to reject it instead, declare minimum and"
    " maximum. The range has room: to at least twice the largest value of the table, rounded up to 1, 2 or 5"
    " times a power of ten. It begins (or ends) at 0 if no value lies beyond."
)

LARGEST: Final = 1.0e38
"""Larger values have no room left in a float32."""


def bounds_with_room(numbers: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Return the expected range of a column, by `RULE`.

    Parameters
    ----------
    numbers : ndarray of float64, shape (rows,)
        At least two different values, none beyond `LARGEST`; NaN where missing.
    """
    lowest, highest = float(np.nanmin(numbers)), float(np.nanmax(numbers))
    return (-_room(-lowest) if lowest < 0 else 0.0, _room(highest) if highest > 0 else 0.0)


def _room(value: float) -> float:
    """Return the smallest of 1, 2, 5, 10, ... that is at least twice a positive value."""
    wanted = 2 * value
    exponent = math.floor(math.log10(wanted))
    # Parsed from text, so that 0.2 prints as 0.2. The logarithm may be rounded down, hence power + 1.
    steps = [float(f"{digit}e{power}") for power in (exponent, exponent + 1) for digit in (1, 2, 5)]
    return next(step for step in steps if step >= wanted)
