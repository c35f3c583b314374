"""The rows on which the exported graphs must agree with scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from churn_core.models.additive.terms import thresholds_of
from churn_core.models.export.tree_ensembles import trees_of
from churn_core.models.families import FAMILIES
from churn_core.schema import LARGEST_FLOAT32, MAX_VOCABULARY, CategoryFeature, NumberFeature

if TYPE_CHECKING:
    import numpy.typing as npt

    from churn_core.features import FeatureEngineer
    from churn_core.models.churn_model import ChurnModel
    from churn_core.schema import Contract, DerivedFeature

    Matrix = npt.NDArray[np.float32]

KINDS: Final = (
    "row of the table",
    "value at a threshold",
    "missing value",
    "unknown category",
    "extreme value",
    "known category",
    "random row",
)
TABLE, THRESHOLD, MISSING, UNKNOWN, EXTREME, KNOWN, RANDOM = range(len(KINDS))

BASE_ROWS: Final = 16
"""Rows of the table that are varied, one feature at a time."""

AT_SEVERAL_THRESHOLDS: Final = 1_000
"""Rows in which every number is on a threshold at the same time."""

_ROOM: Final = 4.5
"""Learnt ranges that are added on each side of the learnt range, so that the whole is ten times as wide."""

AT_LEAST: Final = 12_000
"""Random rows are added up to this total."""


_DAYS: Final = (-366, -365, -1, 0, 1, 28, 29, 30, 31, 365, 366, 1461, 36524, 146097)
"""Days between two dates: before, on and after the same day; lengths of months, years and leap cycles."""


@dataclass(frozen=True, slots=True)
class GateRows:
    """Encoded rows, each with the reason why it is compared.

    Attributes
    ----------
    matrix : ndarray of float32, shape (rows, features)
    kind : ndarray of int64, shape (rows,)
        Position in `KINDS`.
    feature : ndarray of int64, shape (rows,)
        The feature that was varied; -1 if none was.
    """

    matrix: Matrix
    kind: npt.NDArray[np.int64]
    feature: npt.NDArray[np.int64]


class _Collector:
    def __init__(self) -> None:
        self.parts: list[tuple[Matrix, int, int]] = []

    def add(self, rows: Matrix, kind: int, feature: int = -1) -> None:
        if len(rows):
            self.parts.append((rows, kind, feature))

    def vary(self, base: Matrix, feature: int, value: float, kind: int) -> None:
        rows = base.copy()
        rows[:, feature] = value
        self.add(rows, kind, feature)

    @property
    def count(self) -> int:
        return sum(len(rows) for rows, _, _ in self.parts)

    def close(self) -> GateRows:
        return GateRows(
            np.concatenate([rows for rows, _, _ in self.parts]),
            np.concatenate([np.full(len(rows), kind) for rows, kind, _ in self.parts]),
            np.concatenate([np.full(len(rows), feature) for rows, _, feature in self.parts]),
        )


def gate_rows(model: ChurnModel, table: Matrix) -> GateRows:
    """Collect the rows of the parity gate.

    Parameters
    ----------
    model : ChurnModel
        Provides the contract, thresholds and seed.
    table : ndarray of float32, shape (rows, features)
        Every row of the training table, encoded, including the holdout.

    Returns
    -------
    GateRows
        All rows of the table. Rows at every tree threshold and every bucket edge, and one float32 step to
        both sides. Rows with each feature missing, each category unknown and at each known value, and each
        number at the ends of its range. Days around 0 and around the lengths of months and years. Random
        rows.
    """
    generator = np.random.default_rng(model.settings.data.random_state)
    contract = model.contract
    rows = _Collector()
    rows.add(table, TABLE)
    base = table[np.sort(generator.choice(len(table), min(BASE_ROWS, len(table)), replace=False))]
    for position, feature in enumerate(contract.features):
        if isinstance(feature, CategoryFeature):
            rows.vary(base, position, feature.missing_code, MISSING)
            rows.vary(base, position, feature.unknown_code, UNKNOWN)
            rows.add(_each_known(base, position, len(feature.vocabulary)), KNOWN, position)
        else:
            rows.vary(base, position, np.nan, MISSING)
            for end in (*_extremes(feature, table[:, position]), *(_DAYS if feature.days else ())):
                rows.vary(base, position, end, EXTREME)
    narrowed = with_learnt_ranges(contract, table)
    rows.add(_corners(narrowed), EXTREME)
    _add_thresholds(rows, model, base)
    rows.add(random_rows(narrowed, max(1_000, AT_LEAST - rows.count), generator), RANDOM)
    return rows.close()


def random_rows(contract: Contract, count: int, generator: np.random.Generator) -> Matrix:
    """Draw rows over the whole range of the encoding; one number in twenty is missing."""
    rows = np.empty((count, len(contract.features)), dtype=np.float32)
    for position, feature in enumerate(contract.features):
        if isinstance(feature, CategoryFeature):
            rows[:, position] = generator.integers(0, feature.missing_code + 1, count)
        else:
            values = generator.uniform(feature.minimum, feature.maximum, count)
            values = np.rint(values) if feature.integer else values
            values[generator.random(count) < 0.05] = np.nan
            rows[:, position] = values
    return rows


def with_learnt_ranges(contract: Contract, table: Matrix) -> Contract:
    """Limit numbers without declared bounds to three times the table's range, for random rows.

    All of float32 and the whole calendar are far wider: there nearly all random values would be extreme.
    """
    features = list(contract.features)
    for position, feature in enumerate(features):
        if not isinstance(feature, NumberFeature):
            continue
        low, high = _learnt_range(table[:, position])
        room = max(high - low, 1.0)
        if feature.days is not None or feature.minimum <= -LARGEST_FLOAT32:
            feature = replace(feature, minimum=float(max(low - room, feature.minimum)))
        if feature.days is not None or feature.maximum >= LARGEST_FLOAT32:
            feature = replace(feature, maximum=float(min(high + room, feature.maximum)))
        features[position] = feature
    return replace(contract, features=tuple(features))


def _learnt_range(values: npt.NDArray[np.float32]) -> tuple[float, float]:
    present = values[~np.isnan(values)].astype(np.float64)
    return (float(present.min()), float(present.max())) if len(present) else (0.0, 0.0)


def _extremes(feature: NumberFeature, values: npt.NDArray[np.float32]) -> list[float]:
    """Return the ends of a number's allowed range, and ten times its learnt range where that is allowed."""
    low, high = _learnt_range(values)
    room = _ROOM * max(high - low, 1.0)
    ends = [feature.minimum, feature.maximum, low - room, high + room]
    return [float(min(max(end, feature.minimum), feature.maximum)) for end in dict.fromkeys(ends)]


def decode_rows(matrix: Matrix, contract: Contract) -> pd.DataFrame:
    """Turn encoded rows back into a parsed table; an unknown code becomes text outside the vocabulary."""
    columns: dict[str, object] = {}
    for position, feature in enumerate(contract.features):
        if isinstance(feature, NumberFeature):
            columns[feature.name] = matrix[:, position].astype(np.float64)
            continue
        texts = np.array([*feature.vocabulary, unknown_text(feature), None], dtype=object)
        columns[feature.name] = texts[matrix[:, position].astype(np.int64)]
    return pd.DataFrame(columns)


def unknown_text(feature: CategoryFeature) -> str:
    """Return text that is not in a category's vocabulary."""
    text = "never seen"
    while text in feature.vocabulary:
        text += "!"
    return text


def _corners(contract: Contract) -> Matrix:
    """Two rows: minima with first categories, and maxima with last categories."""
    corners = [
        [
            (0 if low else len(f.vocabulary) - 1)
            if isinstance(f, CategoryFeature)
            else (f.minimum if low else f.maximum)
            for f in contract.features
        ]
        for low in (True, False)
    ]
    return np.array(corners, dtype=np.float32)


def _add_thresholds(rows: _Collector, model: ChurnModel, base: Matrix) -> None:
    engineer: FeatureEngineer = model.pipeline.named_steps["engineer"]
    contract = model.contract
    for derived in contract.derived:
        if derived.kind == "bucket":
            position = contract.position(derived.columns[0])
            rows.add(
                _around(base, position, np.asarray(derived.edges, dtype=np.float32)), THRESHOLD, position
            )
    if FAMILIES[model.settings.model.type].representation == "one_hot":
        return
    by_column = thresholds_by_column(model)
    rows.add(_at_several_thresholds(base, engineer, by_column, model), THRESHOLD)
    for column, thresholds in by_column.items():
        source = engineer.columns_[column]
        if source.levels is not None:
            continue
        if source.derived is None:
            rows.add(_around(base, source.sources[0], thresholds), THRESHOLD, source.sources[0])
        else:
            derived = contract.derived[source.derived]
            rows.add(_around_derived(base, contract, derived, thresholds), THRESHOLD, source.sources[0])


def thresholds_by_column(model: ChurnModel) -> dict[int, npt.NDArray[np.float32]]:
    """Return the distinct split thresholds of a tree model by engineered column."""
    if FAMILIES[model.settings.model.type].representation == "churn_rates":
        # Indicators of single levels follow the engineered columns; every code has rows of its own.
        engineered = len(model.pipeline.named_steps["engineer"].columns_)
        by_column = enumerate(thresholds_of(model.estimator)[:engineered])
        return {column: found for column, found in by_column if len(found)}
    trees = trees_of(model).trees
    feature = np.concatenate([tree.feature for tree in trees])
    threshold = np.concatenate([tree.threshold for tree in trees])
    return {
        int(column): np.unique(threshold[feature == column]) for column in np.unique(feature[feature >= 0])
    }


def _at_several_thresholds(
    base: Matrix,
    engineer: FeatureEngineer,
    by_column: dict[int, npt.NDArray[np.float32]],
    model: ChurnModel,
) -> Matrix:
    """Put every number on one of its thresholds at the same time, to test interactions."""
    generator = np.random.default_rng(model.settings.data.random_state)
    rows = base[generator.integers(0, len(base), AT_SEVERAL_THRESHOLDS)]
    for column, thresholds in by_column.items():
        source = engineer.columns_[column]
        if source.levels is None and source.derived is None:
            rows[:, source.sources[0]] = generator.choice(thresholds, len(rows))
    return rows


def _each_known(base: Matrix, position: int, count: int) -> Matrix:
    """Put each known code into four base rows, or into one if there are thousands of codes."""
    each = 4 if count <= MAX_VOCABULARY else 1
    rows = np.tile(base[:each], (count, 1))
    rows[:, position] = np.repeat(np.arange(count), len(base[:each]))
    return rows


def _around(base: Matrix, position: int, values: npt.NDArray[np.float32]) -> Matrix:
    """Put each value and its two float32 neighbours into one base row each."""
    neighbours = np.concatenate(_with_neighbours(values))
    rows = base[np.arange(len(neighbours)) % len(base)].copy()
    rows[:, position] = neighbours
    return rows


def _with_neighbours(values: npt.NDArray[np.float32]) -> list[npt.NDArray[np.float32]]:
    """Return the values, the next lower and the next higher float32 numbers."""
    return [values, np.nextafter(values, np.float32(-np.inf)), np.nextafter(values, np.float32(np.inf))]


def _around_derived(
    base: Matrix, contract: Contract, derived: DerivedFeature, thresholds: npt.NDArray[np.float32]
) -> Matrix:
    """Set the first column so that the derived feature is on or next to each threshold."""
    if derived.kind == "count":
        return base[:0]
    others = [contract.position(name) for name in derived.columns[1:]]
    rows = base[np.arange(len(thresholds)) % len(base)]
    rest = rows[:, others].astype(np.float64)
    if derived.kind == "ratio":
        wanted = thresholds * rest[:, 0]
    elif derived.kind == "difference":
        wanted = thresholds + rest[:, 0]
    else:
        wanted = thresholds - rest.sum(axis=1)
    first = contract.position(derived.columns[0])
    result = []
    for values in _with_neighbours(wanted.astype(np.float32)):
        part = rows.copy()
        part[:, first] = values
        result.append(part)
    return np.concatenate(result)
