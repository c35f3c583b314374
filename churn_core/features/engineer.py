"""Complete the encoded matrix: add derived features, replace missing and unknown values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from churn_core.features.derived import bucket_levels, derive
from churn_core.schema import LARGEST_FLOAT32, CategoryFeature

if TYPE_CHECKING:
    import numpy.typing as npt

    from churn_core.schema import Contract


@dataclass(frozen=True, slots=True)
class SourceColumn:
    """A column of the engineered matrix and its origin.

    Parameters
    ----------
    name : str
        The raw or derived feature's name.
    levels : int or None
        Number of known codes of a category; None for a number.
    sources : tuple of int
        Positions of the raw features that it is computed from.
    derived : int or None
        Its position among the derived features; None for a raw one.
    max_levels : int or None
        Most values of a category that keep their own level; None for all.
    """

    name: str
    levels: int | None
    sources: tuple[int, ...]
    derived: int | None = None
    max_levels: int | None = None


def source_columns(contract: Contract) -> tuple[SourceColumn, ...]:
    """List the columns of the engineered matrix: all categories first, then all numbers.

    In this order, one graph operation reads all categories, and another one all numbers.
    """
    raw = [
        SourceColumn(f.name, len(f.vocabulary), (position,), max_levels=f.max_levels)
        if isinstance(f, CategoryFeature)
        else SourceColumn(f.name, None, (position,))
        for position, f in enumerate(contract.features)
    ]
    derived = [
        SourceColumn(
            d.name,
            bucket_levels(d) if d.kind == "bucket" else None,
            tuple(contract.position(name) for name in d.columns),
            position,
        )
        for position, d in enumerate(contract.derived)
    ]
    both = raw + derived
    return tuple([c for c in both if c.levels is not None] + [c for c in both if c.levels is None])


def category_count(contract: Contract) -> int:
    """Return the number of category columns in the engineered matrix; they come first."""
    return len(contract.categories) + sum(d.kind == "bucket" for d in contract.derived)


class FeatureEngineer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Adds derived features to the encoded matrix and replaces missing and unknown values.

    A missing number becomes the median of the training rows if `impute` is set. An unknown category becomes
    the most frequent one. A missing category has its own level if it occurs in the training rows; otherwise
    it becomes the most frequent one. If a category has more values than its `max_levels`, all but the most
    frequent ones share one level with unknown values. Only training rows are used for fitting.

    Parameters
    ----------
    contract : Contract
        With the vocabularies that the matrix is encoded with.
    impute : bool
        Whether missing numbers are replaced; False for models that accept them.
    limit : bool
        Whether numbers are limited to three times the range of the training rows, after that. A linear
        model would follow a number without any limit, far beyond what it has learnt.

    Attributes
    ----------
    columns_ : tuple of SourceColumn
        The origin of each output column.
    fill_values_ : ndarray of float32, shape (numbers,)
        Medians, in the order of the number columns; NaN where missing numbers stay missing.
    limits_ : ndarray of float32, shape (2, numbers)
        The lowest and the highest value of each number column, with `limit`.
    code_maps_ : list of ndarray of float32
        For each category column, the output code by input code (known values, unknown, missing).
    """

    def __init__(self, contract: Contract, impute: bool = True, limit: bool = False) -> None:
        self.contract = contract
        self.impute = impute
        self.limit = limit

    def fit(self, X: npt.NDArray[np.float32], y: object = None) -> Self:
        """Learn medians and most frequent values from encoded training rows; the target is not used."""
        del y
        self.columns_ = source_columns(self.contract)
        self.code_maps_: list[npt.NDArray[np.float32]] = []
        fill_values = []
        limits = []
        derived = derive(X, self.contract)
        for column in self.columns_:
            values = _values(X, derived, column)
            if column.levels is None:
                present = values[~np.isnan(values)]
                median = np.median(present) if len(present) else 0.0
                fill_values.append(median if self.impute else np.nan)
                limits.append(limits_around(present))
            else:
                self.code_maps_.append(_code_map(values, column.levels, column.max_levels))
        self.fill_values_ = np.asarray(fill_values, dtype=np.float32)
        self.limits_ = np.array(limits, dtype=np.float32).reshape(-1, 2).T
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return the engineered matrix of encoded rows.

        Returns
        -------
        ndarray of float32, shape (rows, features + derived features)
            Columns in the order of `columns_`, without NaN if `impute` is set.
        """
        derived = derive(X, self.contract)
        result = np.empty((len(X), len(self.columns_)), dtype=np.float32)
        categories = len(self.code_maps_)
        for position, column in enumerate(self.columns_):
            values = _values(X, derived, column)
            if position < categories:
                result[:, position] = self.code_maps_[position][values.astype(np.int64)]
            else:
                result[:, position] = np.where(
                    np.isnan(values), self.fill_values_[position - categories], values
                )
        if self.limit:
            np.clip(result[:, categories:], *self.limits_, out=result[:, categories:])
        return result


def limits_around(present: npt.NDArray[np.float32]) -> tuple[float, float]:
    """Return three times the range of some numbers, around it; (0, 0) without any."""
    if not len(present):
        return 0.0, 0.0
    low, high = float(present.min()), float(present.max())
    room = high - low
    return max(low - room, -LARGEST_FLOAT32), min(high + room, LARGEST_FLOAT32)


def _values(
    matrix: npt.NDArray[np.float32], derived: npt.NDArray[np.float32], column: SourceColumn
) -> npt.NDArray[np.float32]:
    return matrix[:, column.sources[0]] if column.derived is None else derived[:, column.derived]


def _code_map(codes: npt.NDArray[np.float32], levels: int, max_levels: int | None) -> npt.NDArray[np.float32]:
    counts = np.bincount(codes.astype(np.int64), minlength=levels + 2)
    if max_levels is not None and levels > max_levels:
        return _grouped_code_map(counts, levels, max_levels)
    most_frequent = int(np.argmax(counts[:levels]))
    code_map = np.arange(levels + 2, dtype=np.float32)
    code_map[levels] = most_frequent
    code_map[levels + 1] = levels if counts[levels + 1] else most_frequent
    return code_map


def _grouped_code_map(counts: npt.NDArray[np.int64], levels: int, max_levels: int) -> npt.NDArray[np.float32]:
    """Number the most frequent codes 0, 1, ... in their order, then the rare ones, then missing.

    Of equally frequent codes the first ones are kept, so that equal tables give equal models.
    """
    kept = np.sort(np.argsort(-counts[:levels], kind="stable")[:max_levels])
    code_map = np.full(levels + 2, max_levels, dtype=np.float32)
    code_map[kept] = np.arange(max_levels)
    if counts[levels + 1]:
        code_map[levels + 1] = max_levels + 1
    else:
        code_map[levels + 1] = code_map[int(np.argmax(counts[:levels]))]
    return code_map
