"""Features that share one reason, because one is computed from the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from churn_core.schema import Contract


def reason_groups(contract: Contract) -> list[list[int]]:
    """Return the positions of the features of each group that has several."""
    groups: dict[str, list[int]] = {}
    for position, feature in enumerate(contract.features):
        if feature.description.reason_group is not None:
            groups.setdefault(feature.description.reason_group, []).append(position)
    return [members for members in groups.values() if len(members) > 1]


def merge_contributions(
    contributions: npt.NDArray[np.float32], groups: list[list[int]]
) -> npt.NDArray[np.float32]:
    """Give each group's sum to the member that contributes most to it, and 0 to the others.

    Parameters
    ----------
    contributions : ndarray of float32, shape (rows, features)
        In log-odds.
    groups : list of list of int
        From `reason_groups`.

    Returns
    -------
    ndarray of float32, shape (rows, features)
        Each row has the same sum, up to rounding; `contributions` itself without groups.
    """
    if not groups:
        return contributions
    merged = contributions.copy()
    rows = np.arange(len(contributions))
    for members in groups:
        parts = contributions[:, members]
        total = parts.sum(axis=1, dtype=np.float64).astype(np.float32)
        strongest = np.where(total < 0, parts.argmin(axis=1), parts.argmax(axis=1))
        merged[:, members] = 0
        merged[rows, np.array(members)[strongest]] = total
    return merged
