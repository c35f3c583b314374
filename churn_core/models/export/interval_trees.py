"""Balanced trees that find the interval of a number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

_LARGEST: Final = float(np.finfo(np.float32).max)

_NODE_KEYS: Final = (
    "nodes_treeids",
    "nodes_nodeids",
    "nodes_featureids",
    "nodes_values",
    "nodes_modes",
    "nodes_truenodeids",
    "nodes_falsenodeids",
)
_TARGET_KEYS: Final = ("target_treeids", "target_nodeids", "target_ids", "target_weights")


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
    trees = [
        _Tree(number, column, edges, first)
        for number, (edges, first, column) in enumerate(zip(thresholds, first_index, columns, strict=True))
    ]
    nodes = [node for tree in trees for node in tree.nodes]
    targets = [target for tree in trees for target in tree.targets]
    return {
        "n_targets": len(thresholds),
        "aggregate_function": "SUM",
        "post_transform": "NONE",
        **dict(zip(_NODE_KEYS, map(list, zip(*nodes, strict=True)), strict=True)),
        **dict(zip(_TARGET_KEYS, map(list, zip(*targets, strict=True)), strict=True)),
    }


class _Tree:
    """The rows of one tree in the attributes: `nodes` by `_NODE_KEYS`, `targets` by `_TARGET_KEYS`."""

    def __init__(self, number: int, column: int, edges: npt.NDArray[np.float32], first: int) -> None:
        self._number, self._column, self._edges, self._first = number, column, edges, first
        self.nodes: list[list[Any]] = []
        self.targets: list[list[Any]] = []
        # Every comparison with NaN is false, so only NaN goes right at the root.
        root = self._node("BRANCH_LEQ", _LARGEST)
        self._set_children(root, self._grow(0, len(edges)), self._leaf(len(edges) + 1))

    def _grow(self, low: int, high: int) -> int:
        """Add the subtree of the intervals from `low` to `high`; return its root's number."""
        if low == high:
            return self._leaf(low)
        middle = (low + high) // 2
        node = self._node("BRANCH_LEQ", float(self._edges[middle]))
        self._set_children(node, self._grow(low, middle), self._grow(middle + 1, high))
        return node

    def _leaf(self, interval: int) -> int:
        node = self._node("LEAF", 0.0)
        self.targets.append([self._number, node, self._number, float(self._first + interval)])
        return node

    def _node(self, mode: str, threshold: float) -> int:
        self.nodes.append([self._number, len(self.nodes), self._column, threshold, mode, 0, 0])
        return len(self.nodes) - 1

    def _set_children(self, parent: int, true: int, false: int) -> None:
        self.nodes[parent][-2:] = [true, false]
