"""Build an ONNX graph node by node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    import numpy.typing as npt

OPSET: Final = 21
ML_OPSET: Final = 3
IR_VERSION: Final = 10


class GraphWriter:
    """Collects nodes and constants. Names are numbered, so equal input gives equal bytes."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def node(self, operator: str, inputs: list[str], **attributes: Any) -> str:
        """Add an operation with one output; return the output's name."""
        output = f"{operator.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def constant(self, value: npt.NDArray[Any]) -> str:
        """Add a constant; return its name."""
        name = f"constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
        return name

    def tree_ensemble(self, features: str, attributes: dict[str, Any]) -> str:
        """Add a ``TreeEnsembleRegressor``; return the name of its float32 [rows, targets] output."""
        return self.node("TreeEnsembleRegressor", [features], domain="ai.onnx.ml", **attributes)

    def model(
        self, name: str, inputs: dict[str, int], outputs: dict[str, tuple[str, int]], metadata: dict[str, str]
    ) -> onnx.ModelProto:
        """Return the finished model.

        Parameters
        ----------
        name : str
            The graph's name.
        inputs : dict
            Width of each float32 [rows, width] input by name.
        outputs : dict
            Tensor and width of each float32 [rows, width] output by name.
        metadata : dict
            Written to the model's ``metadata_props``.
        """
        for output, (tensor, _) in outputs.items():
            self._nodes.append(helper.make_node("Identity", [tensor], [output], name=f"output_{output}"))
        graph = helper.make_graph(
            self._nodes,
            name,
            [_float_matrix(key, width) for key, width in inputs.items()],
            [_float_matrix(key, width) for key, (_, width) in outputs.items()],
            self._constants,
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
        model = helper.make_model(
            graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="churn_core"
        )
        helper.set_model_props(model, metadata)
        onnx.checker.check_model(model)
        return model


def _float_matrix(name: str, width: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", width])
