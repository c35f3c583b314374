"""Golden rows: artificial customers whose scores every reader of a bundle verifies.

Rows of random values may all lie on one side of the threshold; a bundle with another threshold would then
give the same decisions. So rows next to the threshold and the risk bands are added, on both sides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from churn_core.models.bundle.golden_dates import random_dates, with_possible_days, write_dates
from churn_core.models.export.gate_rows import random_rows, unknown_text, with_learnt_ranges
from churn_core.schema import CategoryFeature, NumberFeature

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from churn_core.schema import Contract, Feature

    Matrix = npt.NDArray[np.float32]

RANDOM_ROWS: Final = 16

MARGIN: Final = 1e-5
"""Least distance of a golden score from a limit; another type of processor may round differently."""

_DRAWN: Final = 8_192
"""Artificial customers among which those next to a limit are looked for."""


def golden_records(contract: Contract, table: Matrix, seed: int) -> list[dict[str, Any]]:
    """Draw random records from the data contract's domain; no customer's data is used.

    Nullable values are missing in every fourth record. Each of the last records has one unknown category.

    Parameters
    ----------
    contract : Contract
        With vocabularies.
    table : ndarray of float32, shape (rows, features)
        The encoded training rows, which give the ranges of numbers without declared bounds.
    seed : int
    """
    contract = with_learnt_ranges(contract, table)
    generator = np.random.default_rng(seed)
    matrix = random_rows(contract, RANDOM_ROWS, generator)
    dates = random_dates(contract, RANDOM_ROWS, generator)
    records = [
        {
            feature.name: _value(feature, row[position], may_be_missing=number % 4 == 0)
            for position, feature in enumerate(contract.features)
            if feature.columns == (feature.name,)
        }
        | {name: texts[number] for name, texts in dates.items()}
        for number, row in enumerate(matrix)
    ]
    for feature, record in zip(contract.categories, reversed(records), strict=False):
        record[feature.name] = unknown_text(feature)
    return records


def golden_records_at_limits(
    contract: Contract,
    table: Matrix,
    score: Callable[[Matrix], npt.NDArray[np.float64]],
    limits: Sequence[float],
    seed: int,
) -> list[dict[str, Any]]:
    """Make artificial records whose scores lie next to limits, on each side where a training row lies.

    Parameters
    ----------
    contract : Contract
        With vocabularies.
    table : ndarray of float32, shape (rows, features)
        The encoded training rows. Each value of a record is drawn on its own: a number lies between two
        values of its column, a category is a known one. So the record is no customer's.
    score : callable
        Scores encoded rows.
    limits : sequence of float
        The threshold and the lowest scores of the risk bands.
    seed : int
    """
    generator = np.random.default_rng(seed)
    table = with_possible_days(contract, table)
    drawn = with_possible_days(contract, _draw(contract, table, generator))
    drawn_scores, table_scores = score(drawn), score(table)
    chosen = []
    for limit in limits:
        for side in (1, -1):
            if not (side * (table_scores - limit) >= MARGIN).any():
                continue
            distance = side * (drawn_scores - limit)
            distance[distance < MARGIN] = np.inf
            if np.isfinite(distance).any():
                chosen.append(drawn[np.argmin(distance)])
            else:
                start = table[np.argmax(side * table_scores)]
                chosen.append(_replace_values(contract, start, drawn, score, side, limit))
    rows = np.array(chosen, dtype=np.float32).reshape(len(chosen), len(contract.features))
    return [
        {
            feature.name: _decode(feature, code)
            for feature, code in zip(contract.features, row, strict=True)
            if feature.columns == (feature.name,)
        }
        | dates
        for row, dates in zip(rows, write_dates(contract, rows), strict=True)
    ]


def _draw(contract: Contract, table: Matrix, generator: np.random.Generator) -> Matrix:
    drawn = np.empty((_DRAWN, len(contract.features)), dtype=np.float32)
    for position, feature in enumerate(contract.features):
        values, others = generator.choice(table[:, position], (2, _DRAWN))
        if isinstance(feature, NumberFeature):
            values = values + (others - values) * generator.random(_DRAWN, dtype=np.float32)
            values = np.rint(values) if feature.integer else values
        drawn[:, position] = values
    return drawn


def _replace_values(
    contract: Contract,
    row: npt.NDArray[np.float32],
    drawn: Matrix,
    score: Callable[[Matrix], npt.NDArray[np.float64]],
    side: int,
    limit: float,
) -> npt.NDArray[np.float32]:
    """Replace each value of a row by another one of its column, where the row then stays on its side."""
    row = row.copy()
    for position in range(len(row)):
        changed = np.tile(row, (len(drawn), 1))
        changed[:, position] = drawn[:, position]
        changed = with_possible_days(contract, changed)
        stays = side * (score(changed) - limit) >= MARGIN
        other = changed[stays & (changed[:, position] != row[position])]
        if len(other):
            row = other[0]
    return row


def _value(feature: Feature, code: np.float32, *, may_be_missing: bool) -> str | float | int | None:
    if feature.nullable and may_be_missing:
        return None
    if isinstance(feature, CategoryFeature):
        return feature.vocabulary[int(code) % len(feature.vocabulary)]
    return _number(feature, feature.minimum if np.isnan(code) else float(code))


def _decode(feature: Feature, code: np.float32) -> str | float | int | None:
    """Return the value of an encoded column."""
    if isinstance(feature, CategoryFeature):
        return [*feature.vocabulary, unknown_text(feature), None][int(code)]
    return None if np.isnan(code) else _number(feature, float(code))


def _number(feature: NumberFeature, value: float) -> float | int:
    clipped = min(max(value, feature.minimum), feature.maximum)
    return int(clipped) if feature.integer else clipped
