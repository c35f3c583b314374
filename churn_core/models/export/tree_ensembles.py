"""Fitted scikit-learn trees as the attributes of an ONNX tree ensemble."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier

from churn_core.features.derived import float32_floor
from churn_core.models.boosting.averaged import AveragedBoostingClassifier
from churn_core.models.export.no_converter import no_converter

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from churn_core.models.churn_model import ChurnModel

_LARGEST: Final = float(np.finfo(np.float32).max)


@dataclass(frozen=True, slots=True)
class Tree:
    """One binary tree; node 0 is the root.

    Attributes
    ----------
    feature : ndarray of int64, shape (nodes,)
        Column that a node splits on; negative for a leaf.
    threshold : ndarray of float32, shape (nodes,)
        A row goes left if its float32 value is <= this.
    left, right : ndarray of int64, shape (nodes,)
        Children.
    missing_left : ndarray of bool, shape (nodes,)
        Whether a missing value (NaN) goes left.
    value : ndarray of float64, shape (nodes,)
        A leaf's summand; for an inner node the mean of the leaves below it over the training rows.
    """

    feature: npt.NDArray[np.int64]
    threshold: npt.NDArray[np.float32]
    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    missing_left: npt.NDArray[np.bool_]
    value: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TreeSum:
    """Trees, and the base to which their leaves are added."""

    trees: list[Tree]
    base: float


def trees_of(model: ChurnModel) -> TreeSum:
    """Read the trees of a trained model of a tree family.

    Raises
    ------
    ExportError
        If `TREE_READERS` has none for its estimator.
    """
    reader = TREE_READERS.get(type(model.estimator))
    if reader is None:
        raise no_converter(model, "churn_core/models/export/tree_ensembles.py (TREE_READERS)")
    return reader(model)


def forest_trees(model: ChurnModel) -> TreeSum:
    """Read a forest; a leaf holds its tree's share of the forest's probability."""
    forest: RandomForestClassifier = model.estimator
    count = len(forest.estimators_)
    trees = []
    for estimator in forest.estimators_:
        shares = estimator.tree_.value[:, 0, :]
        trees.append(_tree(estimator.tree_, shares[:, 1] / shares.sum(axis=1) / count))
    return TreeSum(trees, base=0.0)


def boosted_trees(model: ChurnModel) -> TreeSum:
    """Read gradient boosting; a leaf holds log-odds, learning rate included."""
    boosting: GradientBoostingClassifier = model.estimator
    prior = float(boosting.init_.class_prior_[1])
    trees = [
        _tree(estimator.tree_, estimator.tree_.value[:, 0, 0] * boosting.learning_rate)
        for estimator in boosting.estimators_[:, 0]
    ]
    return TreeSum(trees, base=float(np.log(prior / (1 - prior))))


def averaged_trees(model: ChurnModel) -> TreeSum:
    """Read the trees of all members; a leaf holds its part of the members' mean, in log-odds.

    A member counts only the rows that it was fitted on, so the rows of each node are counted again.
    """
    boosting: AveragedBoostingClassifier = model.estimator
    steps = model.pipeline.named_steps
    matrix = steps["represent"].transform(steps["engineer"].transform(model.training_matrix))
    share = 1 / len(boosting.members_)
    trees = [_histogram_tree(nodes, share, matrix) for nodes in boosting.tree_nodes()]
    return TreeSum(trees, base=boosting.baseline)


TREE_READERS: Final[dict[type[Any], Callable[[ChurnModel], TreeSum]]] = {
    RandomForestClassifier: forest_trees,
    GradientBoostingClassifier: boosted_trees,
    AveragedBoostingClassifier: averaged_trees,
}
"""Reads the trees of a model, by the class of its estimator."""


def _tree(tree: Any, value: npt.NDArray[np.float64]) -> Tree:
    leaf = tree.children_left < 0
    left, right = tree.children_left.astype(np.int64), tree.children_right.astype(np.int64)
    return Tree(
        feature=np.where(leaf, -1, tree.feature).astype(np.int64),
        threshold=np.where(leaf, np.float32(0), float32_floor(tree.threshold)),
        left=left,
        right=right,
        # No value is missing: the engineered columns of these families are filled.
        missing_left=np.zeros(len(leaf), dtype=np.bool_),
        value=_mean_below(left, right, leaf, value, tree.weighted_n_node_samples),
    )


def _histogram_tree(nodes: Any, share: float, matrix: npt.NDArray[np.float32]) -> Tree:
    leaf = nodes["is_leaf"].astype(np.bool_)
    left, right = nodes["left"].astype(np.int64), nodes["right"].astype(np.int64)
    # Where only missing values go right, the threshold is infinite.
    threshold = float32_floor(np.minimum(nodes["num_threshold"], _LARGEST))
    tree = Tree(
        feature=np.where(leaf, -1, nodes["feature_idx"].astype(np.int64)),
        threshold=np.where(leaf, np.float32(0), threshold),
        left=left,
        right=right,
        missing_left=~leaf & nodes["missing_go_to_left"].astype(np.bool_),
        value=share * nodes["value"],
    )
    rows = rows_by_node(tree, matrix)
    return replace(tree, value=_mean_below(left, right, leaf, tree.value, rows))


def rows_by_node(tree: Tree, matrix: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """Return how many rows of the tree's input, float32 of shape (rows, columns), reach each node."""
    counts = np.zeros(len(tree.feature), dtype=np.int64)
    waiting = [(0, np.arange(len(matrix)))]
    while waiting:
        node, rows = waiting.pop()
        counts[node] = len(rows)
        if tree.feature[node] < 0:
            continue
        values = matrix[rows, tree.feature[node]]
        goes_left = np.where(np.isnan(values), tree.missing_left[node], values <= tree.threshold[node])
        waiting += [(tree.left[node], rows[goes_left]), (tree.right[node], rows[~goes_left])]
    return counts


def _mean_below(
    left: npt.NDArray[np.int64],
    right: npt.NDArray[np.int64],
    leaf: npt.NDArray[np.bool_],
    value: npt.NDArray[np.float64],
    rows: npt.NDArray[Any],
) -> npt.NDArray[np.float64]:
    """Return the values with those of inner nodes replaced by the mean of the leaves below them."""
    value = value.copy()
    # Children come after their parents, so one pass from the end visits children first.
    for node in np.flatnonzero(~leaf)[::-1]:
        below = [left[node], right[node]]
        # No training row may reach a node whose rates were cross-fitted when it was grown.
        value[node] = np.average(value[below], weights=rows[below] if rows[below].any() else None)
    return value


def column_owners(model: ChurnModel) -> npt.NDArray[np.int64]:
    """Return the engineered column from which each column of the trees' input comes."""
    represent = model.pipeline.named_steps.get("represent")
    columns = len(model.pipeline.named_steps["engineer"].columns_)
    owners: npt.NDArray[np.int64] = np.arange(columns) if represent is None else represent.owners_
    return owners


def path_contributions(tree: Tree, owners: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Distribute the difference between each leaf and the root over the columns on the path.

    Each split changes the mean of the remaining rows; the change goes to the owner of the split's column
    (Saabas 2014, "Interpreting random forests").

    Parameters
    ----------
    tree : Tree
    owners : ndarray of int64, shape (columns of the tree's input,)
        The engineered column from which each column comes.

    Returns
    -------
    ndarray of float64, shape (nodes, engineered columns)
        A leaf's row plus the root's value adds up to the leaf's value.
    """
    result = np.zeros((len(tree.feature), int(owners.max()) + 1))
    for node in np.flatnonzero(tree.feature >= 0):
        for child in (tree.left[node], tree.right[node]):
            result[child] = result[node]
            result[child, owners[tree.feature[node]]] += tree.value[child] - tree.value[node]
    return result


def root_value(trees: TreeSum) -> float:
    """Return the mean of the sum over the training rows: the base plus every root's value."""
    return trees.base + float(sum(tree.value[0] for tree in trees.trees))


def parts_of(trees: TreeSum, size: int) -> list[TreeSum]:
    """Divide the trees, in their order, into sums of at most `size`; the base is in none of them."""
    return [
        TreeSum(trees.trees[start : start + size], base=0.0) for start in range(0, len(trees.trees), size)
    ]


def tree_attributes(trees: TreeSum, owners: npt.NDArray[np.int64], scale: float) -> dict[str, Any]:
    """Return ``TreeEnsembleRegressor`` attributes (ai.onnx.ml 3) with one target per engineered column.

    Parameters
    ----------
    trees : TreeSum
    owners : ndarray of int64, shape (columns of the trees' input,)
        The engineered column from which each column comes; target i is the contribution of column i.
    scale : float
        Factor of every contribution.
    """
    feature = np.concatenate([tree.feature for tree in trees.trees])
    leaf = feature < 0
    sizes = [len(tree.feature) for tree in trees.trees]
    tree_ids = np.repeat(np.arange(len(sizes)), sizes)
    node_ids = np.concatenate([np.arange(size) for size in sizes])
    left, right = (
        np.where(leaf, 0, np.concatenate([getattr(tree, side) for tree in trees.trees]))
        for side in ("left", "right")
    )
    weights = scale * np.concatenate(
        [path_contributions(tree, owners)[tree.feature < 0] for tree in trees.trees]
    )
    written = weights != 0
    # Every leaf needs a target, so a leaf without contributions gets a zero for the first column.
    written[~weights.any(axis=1), 0] = True
    weights_at, targets = np.nonzero(written)
    missing_left = np.concatenate([tree.missing_left for tree in trees.trees])
    tracks = {"nodes_missing_value_tracks_true": missing_left.astype(int).tolist()}
    return {
        "n_targets": int(owners.max()) + 1,
        "aggregate_function": "SUM",
        "post_transform": "NONE",
        "nodes_treeids": tree_ids.tolist(),
        "nodes_nodeids": node_ids.tolist(),
        "nodes_featureids": np.where(leaf, 0, feature).tolist(),
        "nodes_values": np.concatenate([tree.threshold for tree in trees.trees]).tolist(),
        "nodes_modes": np.where(leaf, "LEAF", "BRANCH_LEQ").tolist(),
        "nodes_truenodeids": left.tolist(),
        "nodes_falsenodeids": right.tolist(),
        **(tracks if missing_left.any() else {}),
        "target_treeids": tree_ids[leaf][weights_at].tolist(),
        "target_nodeids": node_ids[leaf][weights_at].tolist(),
        "target_ids": targets.tolist(),
        "target_weights": weights[weights_at, targets].astype(np.float32).tolist(),
    }
