"""The mean, in log-odds, of several small histogram gradient boostings."""

from __future__ import annotations

import warnings
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, Self

import numpy as np
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from threadpoolctl import threadpool_limits

from churn_core.models.boosting.screening import WIDE_COLUMNS, useful_columns
from churn_core.models.sklearn_internals import (
    Interval,
    StrOptions,
    boosted_baseline,
    boosted_tree_nodes,
    boosting_constraints,
    check_parameters,
)

if TYPE_CHECKING:
    import numpy.typing as npt

    Matrix = npt.NDArray[np.float32]
    Labels = npt.NDArray[np.int64]

MEMBER_FOLDS: Final = 8
"""Each member trains on seven eighths of the rows; its loss on the last eighth stops it early."""

BOOSTING_PARAMETERS: Final = (
    "learning_rate",
    "max_iter",
    "max_leaf_nodes",
    "min_samples_leaf",
    "max_bins",
    "l2_regularization",
    "max_features",
    "random_state",
)
"""Parameters passed to every HistGradientBoostingClassifier."""

MEMBERS_BY_ROWS: Final = ((20_000, 8), (100_000, 4), (300_000, 2))
"""Members of a boosting, by the number of rows below which they are taken."""

L2_ROWS: Final = 80
"""Rows of the table for each unit of regularization, between the limits below."""

L2_LIMITS: Final = (50.0, 100.0)

SCREENING_MEMBERS: Final = 4
"""Fits by which the columns of a wide table are judged."""

_PATIENCE: Final = 20
_TOLERANCE: Final = 1e-5
"""Nats that `_PATIENCE` more trees must gain: far below the noise of any holdout."""

ROWS_FOR_THREADS: Final = 50_000
"""From this many rows on, a member is fitted on all cores. With fewer rows the threads mostly wait for each
other, and up to a hundred times longer if other processes use the cores too."""


AVERAGED_CONSTRAINTS: Final[dict[str, list[Any]]] = {
    "members": [Interval(Integral, 1, MEMBER_FOLDS, closed="both"), StrOptions({"auto"})],
    **boosting_constraints(BOOSTING_PARAMETERS),
    "l2_regularization": [Interval(Real, 0, None, closed="left"), StrOptions({"auto"})],
    "monotonic": ["array-like", None],
}
"""The values that scikit-learn accepts for each parameter."""


class AveragedBoostingClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Log-odds as the mean of several histogram gradient boostings (Friedman 2001).

    Each member is stopped early by rows that it did not train on; the members take turns with these rows, so
    that together they train on all. Each split sees a random part of the columns. Missing values stay as they
    are: a split sends them to the better side. Wide tables are screened first, see `useful_columns`.

    Parameters
    ----------
    members : int or 'auto'
        Number of fits that are averaged, at most 8; 'auto' takes `MEMBERS_BY_ROWS`, and one for more rows.
    learning_rate, max_leaf_nodes, min_samples_leaf, max_bins, max_features
        As in scikit-learn's HistGradientBoostingClassifier.
    l2_regularization : float or 'auto'
        As there; 'auto' takes 1 for every 80 rows, at least 50 and at most 100.
    max_iter : int
        Maximum number of trees of a member.
    monotonic : sequence of int or None
        For each column 1 (churn may only rise with it), -1 (only fall) or 0 (both).
    random_state : int
        Seeds the folds and the choice of columns.

    Attributes
    ----------
    classes_ : ndarray, shape (2,)
    columns_ : ndarray of int64
        The columns that the members are fitted on: all, unless the table is wide.
    members_ : list of HistGradientBoostingClassifier
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = AVERAGED_CONSTRAINTS

    def __init__(
        self,
        *,
        members: int | Literal["auto"] = "auto",
        learning_rate: float = 0.2,
        max_iter: int = 1_000,
        max_leaf_nodes: int = 8,
        min_samples_leaf: int = 20,
        max_bins: int = 63,
        l2_regularization: float | Literal["auto"] = "auto",
        max_features: float = 0.5,
        monotonic: list[int] | None = None,
        random_state: int = 0,
    ) -> None:
        self.members = members
        self.learning_rate = learning_rate
        self.max_iter = max_iter
        self.max_leaf_nodes = max_leaf_nodes
        self.min_samples_leaf = min_samples_leaf
        self.max_bins = max_bins
        self.l2_regularization = l2_regularization
        self.max_features = max_features
        self.monotonic = monotonic
        self.random_state = random_state

    def fit(self, X: Matrix, y: Labels, groups: Labels | None = None) -> Self:
        """Fit the members.

        Parameters
        ----------
        X : ndarray of float32, shape (rows, columns)
            Numbers, NaN where missing, and churn rates of categories.
        y : ndarray, shape (rows,)
            Two labels.
        groups : ndarray of int64, shape (rows,), optional
            Rows of one group, such as a household, stop a member or train it, but never both.

        Raises
        ------
        ValueError
            If a parameter is out of its range.
        """
        check_parameters(self)
        self.classes_, labels = np.unique(y, return_inverse=True)
        self.n_features_in_ = X.shape[1]
        count = self.automatic_members(len(X)) if self.members == "auto" else self.members
        splits = self._splits(labels, groups)
        with threadpool_limits(1 if len(X) < ROWS_FOR_THREADS else None, user_api="openmp"):
            self.columns_ = np.arange(X.shape[1])
            if X.shape[1] >= WIDE_COLUMNS:
                screened = useful_columns(X, labels, splits[:SCREENING_MEMBERS], self.random_state)
                self.columns_ = np.flatnonzero(screened)
            used = self._used(X)
            allowed = self._allowed(used, labels, groups)
            self.members_ = [self._fit_member(used, labels, split, allowed) for split in splits[:count]]
        return self

    def decision_function(self, X: Matrix) -> npt.NDArray[np.float64]:
        """Return log-odds of the second class, float64 of shape (rows,)."""
        used = self._used(X)
        total: npt.NDArray[np.float64] = np.mean(
            [member.decision_function(used) for member in self.members_], axis=0, dtype=np.float64
        )
        return total

    def predict_proba(self, X: Matrix) -> npt.NDArray[np.float64]:
        """Return the probability of each class, float64 of shape (rows, 2)."""
        second = expit(self.decision_function(X))
        return np.column_stack([1 - second, second])

    def predict(self, X: Matrix) -> npt.NDArray[Any]:
        """Return the more likely class of each row."""
        labels: npt.NDArray[Any] = self.classes_[(self.decision_function(X) > 0).astype(np.int64)]
        return labels

    def tree_nodes(self) -> list[npt.NDArray[Any]]:
        """Return the nodes of all members' trees, as `boosted_tree_nodes`; they name columns of the input."""
        trees = []
        for member in self.members_:
            for fitted in boosted_tree_nodes(member):
                nodes = fitted.copy()
                nodes["feature_idx"] = self.columns_[nodes["feature_idx"]]
                trees.append(nodes)
        return trees

    @property
    def baseline(self) -> float:
        """The log-odds to which the mean of the members' trees adds."""
        return float(np.mean([boosted_baseline(member) for member in self.members_]))

    def _used(self, X: Matrix) -> Matrix:
        return X if len(self.columns_) == X.shape[1] else X[:, self.columns_]

    def automatic_members(self, rows: int) -> int:
        """Return the number of members for 'auto': with more rows, averaging gains less."""
        return next((members for limit, members in MEMBERS_BY_ROWS if rows < limit), 1)

    def _allowed(self, X: Matrix, labels: Labels, groups: Labels | None) -> list[set[int]] | None:
        """Return the sets of columns that a tree may combine, by their place in `columns_`; None for all."""
        del X, labels, groups
        return None

    def _splits(self, labels: Labels, groups: Labels | None) -> list[tuple[Any, Any]]:
        """Return the rows that each member trains on, and those that stop it early."""
        rows = np.zeros(len(labels))
        options = {"n_splits": MEMBER_FOLDS, "shuffle": True, "random_state": self.random_state}
        with warnings.catch_warnings():
            # A fold may lack one of the labels; it only decides when to stop.
            warnings.filterwarnings("ignore", "The least populated class", UserWarning)
            if groups is not None and len(np.unique(groups)) >= MEMBER_FOLDS:
                splits = list(StratifiedGroupKFold(**options).split(rows, labels, groups))
                # Large groups may leave a fold empty, or take all rows of a label with them.
                splits = [(fitted, stop) for fitted, stop in splits if len(stop) and np.ptp(labels[fitted])]
                if splits:
                    return splits
            # Too few groups to keep them together, or none.
            return list(StratifiedKFold(**options).split(rows, labels))

    def _fit_member(
        self, X: Matrix, labels: Labels, split: tuple[Any, Any], allowed: list[set[int]] | None
    ) -> HistGradientBoostingClassifier:
        fitted, stopped_by = split
        parameters = {name: getattr(self, name) for name in BOOSTING_PARAMETERS}
        if self.l2_regularization == "auto":
            parameters["l2_regularization"] = float(np.clip(len(X) / L2_ROWS, *L2_LIMITS))
        directions = None
        if self.monotonic is not None:
            # Indicators of levels follow the columns that have directions.
            free = [0] * (self.n_features_in_ - len(self.monotonic))
            directions = np.array([*self.monotonic, *free])[self.columns_]
        member = HistGradientBoostingClassifier(
            **parameters,
            monotonic_cst=directions,
            interaction_cst=allowed,
            early_stopping=True,
            n_iter_no_change=_PATIENCE,
            tol=_TOLERANCE,
        )
        return member.fit(X[fitted], labels[fitted], X_val=X[stopped_by], y_val=labels[stopped_by])
