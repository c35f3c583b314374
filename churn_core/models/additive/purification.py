"""Separate a table over two columns into the effects of each column and of both together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Table = npt.NDArray[np.float64]

_ROUNDS: Final = 1_000
_NEGLIGIBLE: Final = 1e-12


def purify(values: Table, weights: Table) -> tuple[Table, Table, Table]:
    """Move the main effects out of an interaction.

    The weighted means of all rows, then of all columns, are subtracted in turn until they are zero
    (Lengerich et al. 2020, "Purifying Interaction Effects with the Functional ANOVA", AISTATS). Rows and
    columns without weight keep their values.

    Parameters
    ----------
    values : ndarray of float64, shape (rows, columns)
    weights : ndarray of float64, shape (rows, columns)
        Number of customers in each cell.

    Returns
    -------
    pure : ndarray, shape (rows, columns)
        With weighted mean 0 along both axes.
    along_rows : ndarray, shape (rows,)
    along_columns : ndarray, shape (columns,)
        ``pure + along_rows[:, None] + along_columns`` gives `values`.
    """
    pure = values.copy()
    moved = (np.zeros(values.shape[0]), np.zeros(values.shape[1]))
    for _ in range(_ROUNDS):
        largest = 0.0
        for axis, collected in ((1, moved[0]), (0, moved[1])):
            total = weights.sum(axis=axis)
            mean = np.divide(
                (weights * pure).sum(axis=axis), total, out=np.zeros_like(total), where=total > 0
            )
            pure -= np.expand_dims(mean, axis)
            collected += mean
            largest = max(largest, float(np.abs(mean).max()))
        if largest < _NEGLIGIBLE:
            break
    return pure, moved[0], moved[1]
