"""Reasons: the features that push a customer's score most towards leaving."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

TOP_REASONS: Final = 3

_FREE_BITS: Final = (1 << 29) - 1


@dataclass(frozen=True, slots=True)
class RankedReasons:
    """Contributions of many customers, each customer's in order of strength.

    Attributes
    ----------
    positions : ndarray of int64, shape (rows, reasons)
        Of features in the contract; the largest contribution first, ties in contract order.
    contributions : ndarray of float64, shape (rows, reasons)
        In log-odds, rounded to six decimals.
    counts : ndarray of int64, shape (rows,)
        How many of a row's reasons are to be named.
    """

    positions: npt.NDArray[np.int64]
    contributions: npt.NDArray[np.float64]
    counts: npt.NDArray[np.int64]


def ranked_reasons(contributions: npt.NDArray[np.float32], all_reasons: bool = False) -> RankedReasons:
    """Rank each customer's contributions.

    Parameters
    ----------
    contributions : ndarray of float32, shape (rows, features)
        In log-odds.
    all_reasons : bool
        Every feature, whatever its sign, instead of the three that push most towards leaving.
    """
    order = np.argsort(-contributions, axis=1, kind="stable")
    if not all_reasons:
        order = order[:, :TOP_REASONS]
    ranked = np.take_along_axis(contributions, order, axis=1)
    named = np.full(ranked.shape, True) if all_reasons else ranked > 0
    # Adding nothing turns -0.0 into 0.0.
    rounded = np.rint(ranked.astype(np.float64) * 1e6) / 1e6 + 0.0
    return RankedReasons(order, rounded, named.sum(axis=1))


def top_positions(contributions: npt.NDArray[np.float32]) -> list[npt.NDArray[np.int64]]:
    """Find the reasons of many customers at once.

    Parameters
    ----------
    contributions : ndarray of float32, shape (rows, features)

    Returns
    -------
    list of three ndarray of int64, shape (rows,)
        Positions of the first, second and third reason; -1 where there is none.
    """
    rows, width = contributions.shape
    # A float32 widened to float64 leaves 29 low bits free. With the position in them, and positive floats
    # ordering as their bits do, one integer maximum finds value and place, ties going to the lower place.
    keys = np.ascontiguousarray(contributions.T).astype(np.float64)
    np.maximum(keys, 0.0, out=keys)
    ordered = keys.view(np.int64)
    ordered |= (width - np.arange(width))[:, None]
    best = np.zeros((TOP_REASONS, rows), dtype=np.int64)
    rest = np.empty(rows, dtype=np.int64)
    for key in ordered:
        for place in best:
            # Each place keeps the larger of the two and hands the smaller one down.
            np.minimum(place, key, out=rest)
            np.maximum(place, key, out=place)
            key[:] = rest
    return [np.where(place > _FREE_BITS, width - (place & _FREE_BITS), -1) for place in best]
