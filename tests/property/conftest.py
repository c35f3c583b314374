"""A model that gives its own input back, so that tests see what an encoder handed it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from onnx import TensorProto, helper

from churn_core.scoring.bundle import Bundle
from churn_core.scoring.predictor import ChurnPredictor

if TYPE_CHECKING:
    from collections.abc import Callable

    from churn_core.schema import Contract

MISSING_SHOWN = -54321.0


def mirror_graph(features: int) -> bytes:
    """Return a scoring graph whose contributions are the encoded row, missing numbers made visible."""
    nodes = [
        helper.make_node("IsNaN", ["features"], ["missing"]),
        helper.make_node("Where", ["missing", "shown", "features"], ["contributions"]),
        helper.make_node("ReduceSum", ["contributions", "axes"], ["raw_score"], keepdims=1),
        helper.make_node("Sigmoid", ["raw_score"], ["probability"]),
    ]
    graph = helper.make_graph(
        nodes,
        "mirror",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, features])],
        [
            helper.make_tensor_value_info("probability", TensorProto.FLOAT, [None, 1]),
            helper.make_tensor_value_info("raw_score", TensorProto.FLOAT, [None, 1]),
            helper.make_tensor_value_info("contributions", TensorProto.FLOAT, [None, features]),
        ],
        [
            helper.make_tensor("shown", TensorProto.FLOAT, [], [MISSING_SHOWN]),
            helper.make_tensor("axes", TensorProto.INT64, [1], [1]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    content: bytes = model.SerializeToString()
    return content


def shown(matrix: np.ndarray) -> list[list[float]]:
    """Return an encoded matrix as the mirror shows it."""
    return np.where(np.isnan(matrix), np.float32(MISSING_SHOWN), matrix).tolist()


@pytest.fixture(scope="session")
def mirror() -> Callable[[Contract], ChurnPredictor]:
    """Make a predictor for a contract, whatever its features are."""

    def predictor_of(contract: Contract) -> ChurnPredictor:
        return ChurnPredictor(
            Bundle(
                manifest={"golden_rows": []},
                contract=contract,
                threshold=0.5,
                risk_bands={"medium": 0.3, "high": 0.6},
                model_digest="0" * 64,
                model_version="mirror-000000000000",
                graph=mirror_graph(len(contract.features)),
            )
        )

    return predictor_of
