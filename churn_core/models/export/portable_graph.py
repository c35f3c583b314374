"""The portable graph: raw named columns to probability, converted by skl2onnx.

For Netron, Triton or KServe, and the independent witness of the parity gate.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType, StringTensorType

from churn_core.errors import ParityError
from churn_core.features.converters import register_converters
from churn_core.models.export.additive_converter import register_additive_converter
from churn_core.models.export.graph_writer import ML_OPSET, OPSET
from churn_core.schema import CategoryFeature

if TYPE_CHECKING:
    from churn_core.models.churn_model import ChurnModel


def input_names(model: ChurnModel) -> dict[str, str]:
    """Return the graph's input name of each feature.

    Names are ``f0``, ``f1``, ...: skl2onnx silently renames what is no identifier.
    """
    return {f"f{position}": name for position, name in enumerate(model.contract.names)}


def build_portable_graph(model: ChurnModel) -> onnx.ModelProto:
    """Convert the whole scikit-learn pipeline.

    Returns
    -------
    ModelProto
        Inputs ``f0`` ... string or float32 [n, 1] (text NFC-normalised, missing text is empty, missing
        number is NaN); output ``probability`` float32 [n, 1].

    Raises
    ------
    ParityError
        If the converter renamed an input.
    """
    register_converters()
    register_additive_converter()
    pipeline = model.whole_pipeline
    initial_types = [
        (
            f"f{position}",
            StringTensorType([None, 1]) if isinstance(f, CategoryFeature) else FloatTensorType([None, 1]),
        )
        for position, f in enumerate(model.contract.features)
    ]
    converted = convert_sklearn(
        pipeline,
        name="churn_portable",
        initial_types=initial_types,
        options={id(pipeline): {"zipmap": False}},
        target_opset={"": OPSET, "ai.onnx.ml": ML_OPSET},
    )
    wanted = [name for name, _ in initial_types]
    if [i.name for i in converted.graph.input] != wanted:
        raise ParityError("The converter renamed the portable graph's inputs; nothing was written.")
    _keep_probability_of_leaving(converted)
    converted.producer_name = "churn_core"
    converted.producer_version = ""
    helper.set_model_props(converted, {"churn.inputs": json.dumps(input_names(model), ensure_ascii=False)})
    onnx.checker.check_model(converted)
    checked: onnx.ModelProto = converted
    return checked


def _keep_probability_of_leaving(converted: Any) -> None:
    graph = converted.graph
    both_classes = graph.output[1].name
    graph.initializer.append(numpy_helper.from_array(np.array([1], dtype=np.int64), "leaving_class"))
    graph.node.append(
        helper.make_node(
            "Gather", [both_classes, "leaving_class"], ["probability"], name="probability", axis=1
        )
    )
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("probability", TensorProto.FLOAT, [None, 1]))
