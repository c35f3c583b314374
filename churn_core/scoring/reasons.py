"""Reasons: the features that push a customer's score most towards leaving."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

TOP_REASONS: Final = 3

_POSITION_BITS: Final = 16


def ranked_reasons(
    contributions: npt.NDArray[np.float32], all_reasons: bool = False
) -> list[tuple[int, float]]:
    """Rank one customer's contributions.

    Parameters
    ----------
    contributions : ndarray of float32, shape (features,)
        In log-odds.
    all_reasons : bool
        Every feature, whatever its sign, instead of the three that push most towards leaving.

    Returns
    -------
    list of (position, contribution)
        Largest first, ties in contract order; contributions rounded to six decimals.
    """
    order = np.argsort(-contributions, kind="stable")
    if not all_reasons:
        order = order[:TOP_REASONS][contributions[order[:TOP_REASONS]] > 0]
    return [(int(position), round(float(contributions[position]), 6)) for position in order]


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
    # The bits of positive floats order as integers do. With the position below them, each maximum is
    # found along with its place, and ties go to the lower position.
    by_feature = np.ascontiguousarray(contributions.T)
    keys = by_feature.view(np.int32).astype(np.int64) << _POSITION_BITS
    keys |= ((1 << _POSITION_BITS) - 1 - np.arange(len(keys)))[:, None]
    keys[by_feature <= 0] = -1
    positions = []
    for _ in range(TOP_REASONS):
        best = keys.max(axis=0)
        found = (1 << _POSITION_BITS) - 1 - (best & ((1 << _POSITION_BITS) - 1))
        positions.append(np.where(best < 0, -1, found))
        keys[keys == best] = -1
    return positions
