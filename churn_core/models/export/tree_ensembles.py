"""Fitted scikit-learn trees as the attributes of an ONNX tree ensemble."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from churn_core.features.derived import float32_floor
from churn_core.models.families import FAMILIES

if TYPE_CHECKING:
    import numpy.typing as npt
    from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier

    from churn_core.models.churn_model import ChurnModel


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
    value : ndarray of float64, shape (nodes,)
        A leaf's summand; for an inner node the mean of the leaves below it over the training rows.
    """

    feature: npt.NDArray[np.int64]
    threshold: npt.NDArray[np.float32]
    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TreeSum:
    """Trees, and the base to which their leaves are added."""

    trees: list[Tree]
    base: float


def trees_of(model: ChurnModel) -> TreeSum:
    """Read the trees of a trained model of a tree family."""
    if FAMILIES[model.settings.model.type].always_calibrated:
        return forest_trees(model.estimator)
    return boosted_trees(model.estimator)


def forest_trees(forest: RandomForestClassifier) -> TreeSum:
    """Read a forest; a leaf holds its tree's share of the forest's probability."""
    count = len(forest.estimators_)
    trees = []
    for estimator in forest.estimators_:
        shares = estimator.tree_.value[:, 0, :]
        trees.append(_tree(estimator.tree_, shares[:, 1] / shares.sum(axis=1) / count))
    return TreeSum(trees, base=0.0)


def boosted_trees(boosting: GradientBoostingClassifier) -> TreeSum:
    """Read gradient boosting; a leaf holds log-odds, learning rate included."""
    prior = float(boosting.init_.class_prior_[1])
    trees = [
        _tree(estimator.tree_, estimator.tree_.value[:, 0, 0] * boosting.learning_rate)
        for estimator in boosting.estimators_[:, 0]
    ]
    return TreeSum(trees, base=float(np.log(prior / (1 - prior))))


def _tree(tree: Any, value: npt.NDArray[np.float64]) -> Tree:
    leaf = tree.children_left < 0
    left, right = tree.children_left.astype(np.int64), tree.children_right.astype(np.int64)
    value = value.copy()
    rows = tree.weighted_n_node_samples
    # Children come after their parents, so one pass from the end visits children first.
    for node in np.flatnonzero(~leaf)[::-1]:
        below = [left[node], right[node]]
        value[node] = np.average(value[below], weights=rows[below])
    return Tree(
        feature=np.where(leaf, -1, tree.feature).astype(np.int64),
        threshold=np.where(leaf, np.float32(0), float32_floor(tree.threshold)),
        left=left,
        right=right,
        value=value,
    )


def path_contributions(tree: Tree, columns: int) -> npt.NDArray[np.float64]:
    """Distribute the difference between each leaf and the root over the columns on the path.

    Each split changes the mean of the remaining rows; the change goes to the column of the split (Saabas
    2014, "Interpreting random forests").

    Parameters
    ----------
    tree : Tree
    columns : int
        Number of columns of the tree's input.

    Returns
    -------
    ndarray of float64, shape (nodes, columns)
        A leaf's row plus the root's value adds up to the leaf's value.
    """
    result = np.zeros((len(tree.feature), columns))
    for node in np.flatnonzero(tree.feature >= 0):
        for child in (tree.left[node], tree.right[node]):
            result[child] = result[node]
            result[child, tree.feature[node]] += tree.value[child] - tree.value[node]
    return result


def root_value(trees: TreeSum) -> float:
    """Return the mean of the sum over the training rows: the base plus every root's value."""
    return trees.base + float(sum(tree.value[0] for tree in trees.trees))


def tree_attributes(trees: TreeSum, columns: int, scale: float) -> dict[str, Any]:
    """Return ``TreeEnsembleRegressor`` attributes (ai.onnx.ml 3) with one target per column.

    Parameters
    ----------
    trees : TreeSum
    columns : int
        Columns of the engineered matrix; target i is the contribution of column i.
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
        [path_contributions(tree, columns)[tree.feature < 0] for tree in trees.trees]
    )
    written = weights != 0
    # Every leaf needs a target, so a leaf without contributions gets a zero for the first column.
    written[~weights.any(axis=1), 0] = True
    weights_at, targets = np.nonzero(written)
    return {
        "n_targets": columns,
        "aggregate_function": "SUM",
        "post_transform": "NONE",
        "nodes_treeids": tree_ids.tolist(),
        "nodes_nodeids": node_ids.tolist(),
        "nodes_featureids": np.where(leaf, 0, feature).tolist(),
        "nodes_values": np.concatenate([tree.threshold for tree in trees.trees]).tolist(),
        "nodes_modes": np.where(leaf, "LEAF", "BRANCH_LEQ").tolist(),
        "nodes_truenodeids": left.tolist(),
        "nodes_falsenodeids": right.tolist(),
        "target_treeids": tree_ids[leaf][weights_at].tolist(),
        "target_nodeids": node_ids[leaf][weights_at].tolist(),
        "target_ids": targets.tolist(),
        "target_weights": weights[weights_at, targets].astype(np.float32).tolist(),
    }
