"""The drift profile: how the training rows are distributed, column by column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from churn_core.schema import CategoryFeature

if TYPE_CHECKING:
    import numpy.typing as npt

    from churn_core.schema import Contract

BINS: Final = 10


def training_profile(
    matrix: npt.NDArray[np.float32], probabilities: npt.NDArray[np.float64], contract: Contract
) -> dict[str, Any]:
    """Count the encoded training rows.

    Parameters
    ----------
    matrix : ndarray of float32, shape (rows, features)
    probabilities : ndarray of float64, shape (rows,)
        The model's scores of those rows.
    contract : Contract

    Returns
    -------
    dict
        ``rows``; ``columns``: for a category the rows by code (known values, unknown, missing), for a
        number inner ``edges`` at its deciles, the rows of each interval (an edge belongs to the one
        above) and the missing ones; ``scores``: rows in ten intervals of equal width over [0, 1].
    """
    columns: dict[str, Any] = {}
    for position, feature in enumerate(contract.features):
        values = matrix[:, position]
        if isinstance(feature, CategoryFeature):
            counts = np.bincount(values.astype(np.int64), minlength=feature.missing_code + 1)
            columns[feature.name] = {"counts": counts.tolist()}
            continue
        present = values[~np.isnan(values)]
        edges = (
            np.unique(np.quantile(present, np.arange(1, BINS) / BINS, method="lower"))
            if len(present)
            else present
        )
        counts = np.bincount(np.searchsorted(edges, present, side="right"), minlength=len(edges) + 1)
        columns[feature.name] = {
            "edges": edges.astype(np.float64).tolist(),
            "counts": counts.tolist(),
            "missing": int(len(values) - len(present)),
        }
    scores = np.bincount(np.minimum((probabilities * BINS).astype(np.int64), BINS - 1), minlength=BINS)
    return {"rows": len(matrix), "columns": columns, "scores": scores.tolist()}
