"""Compute the derived features that config.yaml declares in addition to the raw columns.

Here and in the exported graphs, the arithmetic is float64 on float32-rounded values, with one cast to float32
at the end. A result that is not finite counts as missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from churn_core.schema import CategoryFeature

if TYPE_CHECKING:
    import numpy.typing as npt

    from churn_core.schema import Contract, DerivedFeature


def bucket_levels(derived: DerivedFeature) -> int:
    """Return the number of intervals of a bucket."""
    return len(derived.edges) + 1


def bucket_missing_code(derived: DerivedFeature) -> int:
    """Return a bucket's code for a missing number; as in raw categories, it follows the unknown code."""
    return bucket_levels(derived) + 1


def derive(matrix: npt.NDArray[np.float32], contract: Contract) -> npt.NDArray[np.float32]:
    """Compute the contract's derived features.

    Parameters
    ----------
    matrix : ndarray of float32, shape (rows, features)
        The encoded matrix.
    contract : Contract
        With the vocabularies that the matrix was encoded with.

    Returns
    -------
    ndarray of float32, shape (rows, derived features)
        Numbers with NaN for missing; for a bucket the code of the interval.
    """
    result = np.empty((len(matrix), len(contract.derived)), dtype=np.float32)
    for position, derived in enumerate(contract.derived):
        result[:, position] = _derive_one(matrix, contract, derived)
    return result


def _derive_one(
    matrix: npt.NDArray[np.float32], contract: Contract, derived: DerivedFeature
) -> npt.NDArray[np.float32]:
    columns = [matrix[:, contract.position(name)] for name in derived.columns]
    if derived.kind == "count":
        return _count(columns, contract, derived)
    if derived.kind == "bucket":
        edges = np.asarray(derived.edges, dtype=np.float32)
        codes = np.searchsorted(edges, columns[0], side="right").astype(np.float32)
        codes[np.isnan(columns[0])] = bucket_missing_code(derived)
        return codes
    wide = [column.astype(np.float64) for column in columns]
    with np.errstate(all="ignore"):
        if derived.kind == "ratio":
            value = wide[0] / wide[1]
        elif derived.kind == "difference":
            value = wide[0] - wide[1]
        else:
            value = wide[0]
            for addend in wide[1:]:
                value = value + addend
        narrow = value.astype(np.float32)
    narrow[~np.isfinite(narrow)] = np.nan
    return narrow


def _count(
    columns: list[npt.NDArray[np.float32]], contract: Contract, derived: DerivedFeature
) -> npt.NDArray[np.float32]:
    total = np.zeros(len(columns[0]), dtype=np.float32)
    for name, column in zip(derived.columns, columns, strict=True):
        code = counted_code(contract, name, derived)
        if code is not None:
            total += column == code
    return total


def counted_code(contract: Contract, column: str, derived: DerivedFeature) -> int | None:
    """Return the code of a ``count``'s value in `column`, or None if the column never had it."""
    feature = contract.feature(column)
    if not isinstance(feature, CategoryFeature) or derived.value not in feature.vocabulary:
        return None
    return feature.vocabulary.index(derived.value)


def float32_floor(threshold: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Round down to float32, which keeps the result of ``x <= threshold`` for every float32 x."""
    narrow = threshold.astype(np.float32)
    above = narrow.astype(np.float64) > threshold
    narrow[above] = np.nextafter(narrow[above], np.float32(-np.inf))
    return narrow
