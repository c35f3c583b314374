"""Balanced trees that find the interval of a number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

_LARGEST: Final = float(np.finfo(np.float32).max)


def interval_tree_attributes(
    thresholds: list[npt.NDArray[np.float32]], first_index: list[int], columns: list[int]
) -> dict[str, Any]:
    """Return ``TreeEnsembleRegressor`` attributes (ai.onnx.ml 3) with one tree and target per column.

    Parameters
    ----------
    thresholds : list of ndarray of float32
        For each tree, increasing and finite, may be empty. An interval includes its upper end.
    first_index : list of int
        For each tree, the output for its lowest interval. The outputs of the next intervals follow by 1,
        then that of a missing value (NaN). All must be below 2^24, because the output is a float32.
    columns : list of int
        For each tree, its input column.
    """
    nodes = _Nodes()
    for tree, (edges, first, column) in enumerate(zip(thresholds, first_index, columns, strict=True)):
        nodes.begin(tree, column)
        # Every comparison with NaN is false, so only NaN goes right here.
        root = nodes.branch(_LARGEST)
        nodes.join(root, nodes.grow(edges, 0, len(edges), first), nodes.leaf(first + len(edges) + 1))
    return {
        "n_targets": len(thresholds),
        "aggregate_function": "SUM",
        "post_transform": "NONE",
        **nodes.attributes,
    }


class _Nodes:
    """Collects nodes in the order in which they are added."""

    def __init__(self) -> None:
        self._tree = self._column = self._first = self._count = 0
        self.attributes: dict[str, list[Any]] = {
            "nodes_treeids": [],
            "nodes_nodeids": [],
            "nodes_featureids": [],
            "nodes_values": [],
            "nodes_modes": [],
            "nodes_truenodeids": [],
            "nodes_falsenodeids": [],
            "target_treeids": [],
            "target_nodeids": [],
            "target_ids": [],
            "target_weights": [],
        }

    def begin(self, tree: int, column: int) -> None:
        """Start a tree."""
        self._tree, self._column = tree, column
        self._first = len(self.attributes["nodes_nodeids"])
        self._count = 0

    def branch(self, threshold: float) -> int:
        """Add a node whose true child is for values <= threshold; return its number."""
        return self._node("BRANCH_LEQ", threshold)

    def leaf(self, output: int) -> int:
        """Add a leaf; return its number."""
        number = self._node("LEAF", 0.0)
        for key, value in (
            ("target_treeids", self._tree),
            ("target_nodeids", number),
            ("target_ids", self._tree),
            ("target_weights", float(output)),
        ):
            self.attributes[key].append(value)
        return number

    def join(self, parent: int, true: int, false: int) -> None:
        """Set the children of a branch."""
        self.attributes["nodes_truenodeids"][self._first + parent] = true
        self.attributes["nodes_falsenodeids"][self._first + parent] = false

    def grow(self, edges: npt.NDArray[np.float32], low: int, high: int, first: int) -> int:
        """Add the subtree of the intervals from `low` to `high`; return its root's number."""
        if low == high:
            return self.leaf(first + low)
        middle = (low + high) // 2
        node = self.branch(float(edges[middle]))
        self.join(node, self.grow(edges, low, middle, first), self.grow(edges, middle + 1, high, first))
        return node

    def _node(self, mode: str, threshold: float) -> int:
        number = self._count
        self._count += 1
        for key, value in (
            ("nodes_treeids", self._tree),
            ("nodes_nodeids", number),
            ("nodes_featureids", self._column),
            ("nodes_values", threshold),
            ("nodes_modes", mode),
            ("nodes_truenodeids", 0),
            ("nodes_falsenodeids", 0),
        ):
            self.attributes[key].append(value)
        return number
