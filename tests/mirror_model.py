"""A model whose contributions are its inputs, so that a test sees the encoded matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx import TensorProto, helper

from churn_core.scoring.bundle import Bundle
from churn_core.scoring.predictor import ChurnPredictor

if TYPE_CHECKING:
    from churn_core.schema import Contract

MISSING_SHOWN = -54321.0
"""The value that the mirror shows for a missing number."""


def mirror(contract: Contract) -> ChurnPredictor:
    """Return a predictor whose contributions are the encoded row; missing numbers are `MISSING_SHOWN`."""
    width = len(contract.features)
    numbers = TensorProto.FLOAT
    graph = helper.make_graph(
        [
            helper.make_node("IsNaN", ["features"], ["missing"]),
            helper.make_node("Where", ["missing", "shown", "features"], ["contributions"]),
            helper.make_node("ReduceSum", ["contributions", "axes"], ["raw_score"], keepdims=1),
            helper.make_node("Sigmoid", ["raw_score"], ["probability"]),
        ],
        "mirror",
        [helper.make_tensor_value_info("features", numbers, [None, width])],
        [
            helper.make_tensor_value_info("probability", numbers, [None, 1]),
            helper.make_tensor_value_info("raw_score", numbers, [None, 1]),
            helper.make_tensor_value_info("contributions", numbers, [None, width]),
        ],
        [
            helper.make_tensor("shown", numbers, [], [MISSING_SHOWN]),
            helper.make_tensor("axes", TensorProto.INT64, [1], [1]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return ChurnPredictor(
        Bundle(
            manifest={"golden_rows": []},
            contract=contract,
            threshold=0.5,
            risk_bands={"medium": 0.3, "high": 0.6},
            model_digest="0" * 64,
            model_version="mirror-000000000000",
            graph=model.SerializeToString(),
        )
    )
