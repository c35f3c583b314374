"""The private parts of scikit-learn that this project uses; no other module may touch one.

scikit-learn has no public way to check an estimator's parameters before fitting it, nor to read the trees of
its histogram boosting. The version is pinned (pyproject.toml, 1.9), and
tests/unit/churn_core/models/test_sklearn_internals.py fails if a new one changes what stands here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.utils._param_validation import Interval, InvalidParameterError, StrOptions

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np

__all__ = [
    "Interval",
    "StrOptions",
    "boosted_baseline",
    "boosted_tree_nodes",
    "boosting_constraints",
    "check_parameters",
]


def check_parameters(estimator: Any) -> None:
    """Check an estimator's parameters against the values that it accepts.

    Raises
    ------
    ValueError
        If a value is not accepted; names the parameter.
    """
    try:
        estimator._validate_params()
    except InvalidParameterError as error:
        raise ValueError(str(error)) from error


def boosting_constraints(names: Iterable[str]) -> dict[str, list[Any]]:
    """Return what `HistGradientBoostingClassifier` accepts for some of its parameters."""
    return {name: HistGradientBoostingClassifier._parameter_constraints[name] for name in names}


def boosted_tree_nodes(boosting: HistGradientBoostingClassifier) -> list[np.ndarray[Any, np.dtype[Any]]]:
    """Return the nodes of each tree of a fitted two-class model.

    Returns
    -------
    list of structured ndarray, shape (nodes,)
        Fields ``is_leaf``, ``value`` (log-odds, learning rate included), ``feature_idx``,
        ``num_threshold`` (float64; inf where only missing values go right), ``missing_go_to_left``,
        ``left`` and ``right``. Node 0 is the root.
    """
    return [tree.nodes for (tree,) in boosting._predictors]


def boosted_baseline(boosting: HistGradientBoostingClassifier) -> float:
    """Return the log-odds to which the trees of a fitted two-class model add."""
    return float(boosting._baseline_prediction[0, 0])
