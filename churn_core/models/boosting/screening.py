"""Leave out columns of wide tables that predict no better than noise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from churn_core.models.sklearn_internals import boosted_tree_nodes

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    Matrix = npt.NDArray[np.float32]
    Labels = npt.NDArray[np.int64]

WIDE_COLUMNS: Final = 50
"""From this many columns on, columns are left out; in narrower tables that lost more than it gained."""

_LEARNER: Final[dict[str, Any]] = {
    "learning_rate": 0.2,
    "max_iter": 200,
    "max_leaf_nodes": 8,
    "l2_regularization": 50.0,
    "max_bins": 31,
    "early_stopping": True,
    "n_iter_no_change": 10,
}


def useful_columns(
    X: Matrix, labels: Labels, splits: Iterable[tuple[Any, Any]], seed: int
) -> npt.NDArray[np.bool_]:
    """Return which columns gain more than every shuffled one (Kursa, Rudnicki 2010, "Boruta").

    A boosting gets each column twice, once with its rows shuffled. A column is useful if the splits on it
    reduce the loss more than those on any shuffled column do.

    Parameters
    ----------
    X : ndarray of float32, shape (rows, columns)
    labels : ndarray of int64, shape (rows,)
        0 and 1.
    splits : iterable of (rows to train on, rows that stop the fit)
        One fit for each; their gains are added.
    seed : int
        Shuffles the rows.

    Returns
    -------
    ndarray of bool, shape (columns,)
        All True if no column is useful.
    """
    columns = X.shape[1]
    shuffled = X[np.random.default_rng(seed).permutation(len(X))]
    both = np.hstack([X, shuffled])
    gains = np.zeros(2 * columns)
    for fitted, stopped_by in splits:
        learner = HistGradientBoostingClassifier(**_LEARNER, random_state=seed)
        learner.fit(both[fitted], labels[fitted], X_val=both[stopped_by], y_val=labels[stopped_by])
        for nodes in boosted_tree_nodes(learner):
            inner = nodes[nodes["is_leaf"] == 0]
            np.add.at(gains, inner["feature_idx"], inner["gain"])
    useful: npt.NDArray[np.bool_] = gains[:columns] > gains[columns:].max()
    return useful if useful.any() else np.ones(columns, dtype=np.bool_)
