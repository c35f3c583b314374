"""Encode categories as churn rates, so that a tree can split them like numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.preprocessing import TargetEncoder

if TYPE_CHECKING:
    import numpy.typing as npt

    Matrix = npt.NDArray[np.float32]

FEW_LEVELS: Final = 12
"""Up to this many levels, a row's own label has hardly any effect on its level's rate."""

PRIOR_ROWS: Final = 20.0
"""Weight of the average rate in each level's rate, in customers; keeps rare levels near the average."""

FOLDS: Final = 5


class ChurnRateEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Replaces the codes of category columns by the level's churn rate, shrunk towards the average.

    With levels ordered by rate, the best split into two sets is a threshold (Fisher 1958, "On Grouping for
    Maximum Homogeneity"). In training, scikit-learn's TargetEncoder cross-fits columns with many levels: a
    row's rate comes from other rows, so its label does not leak into its features (Micci-Barreca 2001, "A
    Preprocessing Scheme for High-Cardinality Categorical Attributes").

    Parameters
    ----------
    categories : int
        Number of category columns; they come first.
    random_state : int
        Seeds the folds of the cross-fitting.
    indicators : bool
        Whether single levels of columns with at most `FEW_LEVELS` get columns of their own, 1 or 0, after all
        others. The levels with the lowest and the highest rate get none: a threshold on the rate tells them.

    Attributes
    ----------
    values_ : list of ndarray of float32
        For each category column, the rate by code.
    indicated_ : list of (int, int)
        Column and code of each indicator; empty without `indicators`.
    owners_ : ndarray of int64, shape (output columns,)
        The input column from which each output column comes.
    """

    def __init__(self, categories: int, random_state: int = 0, indicators: bool = False) -> None:
        self.categories = categories
        self.random_state = random_state
        self.indicators = indicators

    def fit(self, X: Matrix, y: npt.NDArray[np.int64]) -> Self:
        """Learn the rates from engineered training rows and their labels (1 for a customer who left)."""
        self.n_features_in_ = X.shape[1]
        self.values_: list[npt.NDArray[np.float32]] = []
        self.indicated_: list[tuple[int, int]] = []
        for column, codes in enumerate(X.T[: self.categories]):
            encoder = self._encoder().fit(codes[:, None], y)
            every_code = np.arange(int(codes.max()) + 1, dtype=np.float32)
            self.values_.append(encoder.transform(every_code[:, None])[:, 0].astype(np.float32))
            present = np.unique(codes).astype(np.int64)
            if self.indicators and len(present) <= FEW_LEVELS:
                by_rate = present[np.argsort(self.values_[column][present], kind="stable")]
                self.indicated_ += [(column, int(code)) for code in np.sort(by_rate[1:-1])]
        owners = [column for column, _ in self.indicated_]
        self.owners_ = np.array([*range(X.shape[1]), *owners], dtype=np.int64)
        return self

    def fit_transform(
        self, X: Matrix, y: npt.NDArray[np.int64], groups: npt.NDArray[np.int64] | None = None
    ) -> Matrix:
        """Learn the rates; return the training rows with columns of many levels cross-fitted.

        With `groups`, a row's rate comes from rows of other groups.
        """
        result = self.fit(X, y).transform(X)
        for position, rates in enumerate(self.values_):
            if len(rates) > FEW_LEVELS:
                codes = X[:, position : position + 1]
                result[:, position] = self._encoder(y, groups).fit_transform(codes, y)[:, 0]
        return result

    def transform(self, X: Matrix) -> Matrix:
        """Return a matrix with rates instead of codes, float32 of shape (rows, columns + indicators)."""
        indicators = [X[:, column] == code for column, code in self.indicated_]
        result = np.column_stack([X, *indicators]).astype(np.float32, copy=False)
        for position, rates in enumerate(self.values_):
            result[:, position] = rates[X[:, position].astype(np.int64)]
        return result

    def _encoder(
        self, y: npt.NDArray[np.int64] | None = None, groups: npt.NDArray[np.int64] | None = None
    ) -> TargetEncoder:
        folds: Any = StratifiedKFold(FOLDS, shuffle=True, random_state=self.random_state)
        if y is not None and groups is not None and len(np.unique(groups)) >= FOLDS:
            together = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=self.random_state)
            folds = list(together.split(np.zeros(len(y)), y, groups))
        return TargetEncoder(target_type="binary", smooth=PRIOR_ROWS, cv=folds)
