"""The columns of a linear model: indicators of categories, and scaled numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.preprocessing import OneHotEncoder, StandardScaler

if TYPE_CHECKING:
    import numpy.typing as npt


class LinearColumns(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turns category codes into indicators and scales numbers, all in float64.

    In float32, steep weights would turn the rounding of a scaled number into another probability.

    Parameters
    ----------
    categories : int
        Number of category columns; they come first.

    Attributes
    ----------
    levels_ : list of ndarray of float32
        For each category column, the codes that have an indicator.
    mean_, scale_ : ndarray of float64, shape (numbers,)
        A number's column is (number - mean) / scale.
    """

    def __init__(self, categories: int) -> None:
        self.categories = categories

    def fit(self, X: npt.NDArray[np.float32], y: object = None) -> Self:
        """Learn levels, means and scales from engineered training rows; the target is not used."""
        del y
        self.n_features_in_ = X.shape[1]
        codes, numbers = np.split(X, [self.categories], axis=1)
        self.levels_: list[npt.NDArray[np.float32]] = []
        if self.categories:
            self.levels_ = OneHotEncoder().fit(codes).categories_
        self.mean_ = self.scale_ = np.empty(0)
        if numbers.shape[1]:
            scaler = StandardScaler().fit(numbers.astype(np.float64))
            self.mean_, self.scale_ = scaler.mean_, scaler.scale_
        return self

    def transform(self, X: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Return the columns, float64 of shape (rows, indicators + numbers); an unknown code has none."""
        codes, numbers = np.split(X, [self.categories], axis=1)
        indicators = [codes[:, [position]] == levels for position, levels in enumerate(self.levels_)]
        return np.hstack([*indicators, (numbers - self.mean_) / self.scale_], dtype=np.float64)
