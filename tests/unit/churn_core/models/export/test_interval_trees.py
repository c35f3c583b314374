"""A balanced tree finds the same interval as a binary search."""

from __future__ import annotations

import numpy as np
import onnxruntime as ort
import pytest

from churn_core.models.export.graph_writer import GraphWriter
from churn_core.models.export.interval_trees import interval_tree_attributes


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 8, 255])
def test_the_tree_agrees_with_a_binary_search(count: int) -> None:
    draw = np.random.default_rng(count)
    edges = [np.unique(draw.normal(size=count).astype(np.float32)) for _ in range(2)]
    writer = GraphWriter()
    found = writer.tree_ensemble("x", interval_tree_attributes(edges, [10, 1_000], [2, 0]))
    graph = writer.model("intervals", {"x": 3}, {"y": (found, 2)}, {})
    session = ort.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])

    every = np.concatenate([*edges, draw.normal(size=500).astype(np.float32)])
    values = np.concatenate(
        [every, np.nextafter(every, np.float32(-9)), np.nextafter(every, np.float32(9)), [-3.4e38, 3.4e38]]
    ).astype(np.float32)
    x = draw.permuted(np.tile(values[:, None], (1, 3)), axis=0)
    (y,) = session.run(None, {"x": x})
    np.testing.assert_array_equal(y[:, 0], 10 + np.searchsorted(edges[0], x[:, 2], side="left"))
    np.testing.assert_array_equal(y[:, 1], 1_000 + np.searchsorted(edges[1], x[:, 0], side="left"))


def test_missing_values_have_their_own_output() -> None:
    edges = np.array([1.0, 2.0], dtype=np.float32)
    writer = GraphWriter()
    found = writer.tree_ensemble("x", interval_tree_attributes([edges], [0], [0]))
    graph = writer.model("intervals", {"x": 1}, {"y": (found, 1)}, {})
    session = ort.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    (y,) = session.run(None, {"x": np.array([[1.0], [3.0], [np.nan]], dtype=np.float32)})
    assert y[:, 0].tolist() == [0.0, 2.0, 3.0]
