"""A fitted additive model as tables: one value per cell of a column or of a pair of columns."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from churn_core.features.derived import float32_floor
from churn_core.models.additive.purification import purify

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from churn_core.models.additive.classifier import AdditiveBoostingClassifier
    from churn_core.models.boosting.averaged import AveragedBoostingClassifier

    Table = npt.NDArray[np.float64]
    Thresholds = npt.NDArray[np.float32]
    Leaves = list[tuple[tuple[npt.NDArray[np.bool_], ...], float]]


@dataclass(frozen=True, slots=True)
class PairTerm:
    """The effect of two columns together, beyond the effects of each alone.

    Attributes
    ----------
    columns : (int, int)
        Engineered columns.
    cells : (ndarray, ndarray) of int64
        The table's row by cell of the first column, and its column by cell of the second.
    values : ndarray of float64, shape (rows, columns)
        Log-odds; mean 0 along both axes over the training rows.
    """

    columns: tuple[int, int]
    cells: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
    values: Table


@dataclass(frozen=True, slots=True)
class AdditiveTerms:
    """A sum of tables.

    A column's cells are the intervals between its thresholds, each including its upper end, and a last one
    for missing values.

    Attributes
    ----------
    thresholds : list of ndarray of float32
        By column, increasing; ``x <= threshold`` separates the cells.
    mains : list of ndarray of float64
        By column, log-odds of each cell; mean 0 over the training rows.
    pairs : list of PairTerm
    intercept : float
        The mean of the log-odds over the training rows.
    """

    thresholds: list[Thresholds]
    mains: list[Table]
    pairs: list[PairTerm]
    intercept: float

    @classmethod
    def from_model(cls, model: AdditiveBoostingClassifier, X: npt.NDArray[np.float32]) -> AdditiveTerms:
        """Collapse a fitted model.

        Each leaf is a box over the columns on its path. Boxes over the same columns are added into one table,
        for all trees together. The model's output does not change.

        Parameters
        ----------
        model : AdditiveBoostingClassifier
        X : ndarray of float32, shape (rows, columns)
            The rows it was fitted on; terms are purified and centred on them.
        """
        thresholds = thresholds_of(model)
        boxes, intercept = _leaves_by_columns(model, thresholds)
        mains = [np.zeros(len(edges) + 2) for edges in thresholds]
        for (column,), leaves in ((key, found) for key, found in boxes.items() if len(key) == 1):
            for (box,), value in leaves:
                mains[column][box] += value
        cells = [cells_of(column, edges) for column, edges in zip(X.T, thresholds, strict=True)]
        pairs = []
        for columns, leaves in sorted((key, found) for key, found in boxes.items() if len(key) == 2):
            pair = _pair_table(columns, leaves)
            counts = np.zeros(pair.values.shape)
            at = [to_table[cells[c]] for c, to_table in zip(columns, pair.cells, strict=True)]
            np.add.at(counts, tuple(at), 1)
            pure, along_first, along_second = purify(pair.values, counts)
            mains[columns[0]] += along_first[pair.cells[0]]
            mains[columns[1]] += along_second[pair.cells[1]]
            pairs.append(PairTerm(pair.columns, pair.cells, pure))
        for position, main in enumerate(mains):
            mean = float(main[cells[position]].mean())
            mains[position] = main - mean
            intercept += mean
        return cls(thresholds, mains, pairs, intercept)

    def scaled(self, scale: float, shift: float) -> AdditiveTerms:
        """Return the terms of ``scale * log-odds + shift``."""
        return AdditiveTerms(
            self.thresholds,
            [scale * main for main in self.mains],
            [PairTerm(pair.columns, pair.cells, scale * pair.values) for pair in self.pairs],
            scale * self.intercept + shift,
        )


def thresholds_of(model: AveragedBoostingClassifier) -> list[Thresholds]:
    """Return the distinct thresholds of all members by column, rounded down to float32.

    A split between missing values and all others has an infinite threshold, which separates no intervals.
    """
    found: list[list[Thresholds]] = [[] for _ in range(model.n_features_in_)]
    for nodes in model.tree_nodes():
        inner = nodes[nodes["is_leaf"] == 0]
        for column in np.unique(inner["feature_idx"]):
            thresholds = inner["num_threshold"][inner["feature_idx"] == column]
            found[column].append(float32_floor(thresholds[np.isfinite(thresholds)]))
    empty = np.empty(0, dtype=np.float32)
    return [np.unique(np.concatenate([empty, *parts])) for parts in found]


def cells_of(column: npt.NDArray[np.float32], thresholds: Thresholds) -> npt.NDArray[np.int64]:
    """Return the cell of each value."""
    cells = np.searchsorted(thresholds, column, side="left").astype(np.int64)
    cells[np.isnan(column)] = len(thresholds) + 1
    return cells


def _leaves_by_columns(
    model: AdditiveBoostingClassifier, thresholds: list[Thresholds]
) -> tuple[dict[tuple[int, ...], Leaves], float]:
    """Collect the leaves by the columns on their path, as masks of cells; also return the constant part."""
    share = 1 / len(model.members_)
    constant = model.baseline
    boxes: dict[tuple[int, ...], Leaves] = defaultdict(list)
    for nodes in model.tree_nodes():
        for path, value in _leaves(nodes, thresholds):
            if path:
                columns = tuple(sorted(path))
                boxes[columns].append((tuple(path[column] for column in columns), share * value))
            else:
                constant += share * value
    return boxes, constant


def _leaves(
    nodes: Any, thresholds: list[Thresholds]
) -> Iterator[tuple[dict[int, npt.NDArray[np.bool_]], float]]:
    """Walk a tree; yield each leaf's cells by column and its value."""
    waiting: list[tuple[int, dict[int, npt.NDArray[np.bool_]]]] = [(0, {})]
    while waiting:
        position, path = waiting.pop()
        node = nodes[position]
        if node["is_leaf"]:
            yield path, float(node["value"])
            continue
        column = int(node["feature_idx"])
        edges = thresholds[column]
        threshold = float32_floor(np.array([node["num_threshold"]]))[0]
        goes_left = np.arange(len(edges) + 2) <= np.searchsorted(edges, threshold)
        goes_left[-1] = bool(node["missing_go_to_left"])
        before = path.get(column, np.ones(len(edges) + 2, dtype=np.bool_))
        waiting.append((int(node["left"]), {**path, column: before & goes_left}))
        waiting.append((int(node["right"]), {**path, column: before & ~goes_left}))


def _pair_table(columns: tuple[int, ...], leaves: Leaves) -> PairTerm:
    """Add boxes into the coarsest table in which each box is a union of cells."""
    to_table = []
    firsts = []
    for axis in range(2):
        masks = np.array([box[axis] for box, _ in leaves])
        changes = np.ones(masks.shape[1], dtype=np.bool_)
        changes[1:] = (masks[:, 1:] != masks[:, :-1]).any(axis=0)
        to_table.append(np.cumsum(changes) - 1)
        firsts.append(np.flatnonzero(changes))
    values = np.zeros((len(firsts[0]), len(firsts[1])))
    for (first, second), value in leaves:
        values += value * np.outer(first[firsts[0]], second[firsts[1]])
    return PairTerm((columns[0], columns[1]), (to_table[0], to_table[1]), values)
