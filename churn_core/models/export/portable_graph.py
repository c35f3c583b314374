"""The portable graph: raw named columns to probability, converted by skl2onnx.

It is made for Netron, Triton and KServe. In the parity gate it is independent of the scoring graph, which
does not use skl2onnx.
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
from churn_core.models.export.classifier_converters import register_classifier_converters
from churn_core.models.export.graph_writer import ML_OPSET, OPSET
from churn_core.models.export.no_converter import no_converter
from churn_core.schema import CategoryFeature

if TYPE_CHECKING:
    from churn_core.models.churn_model import ChurnModel


def input_names(model: ChurnModel) -> dict[str, str]:
    """Return the graph's input name of each feature.

    Names are ``f0``, ``f1``, ..., because skl2onnx silently renames an input whose name is no identifier.
    """
    return {f"f{position}": name for position, name in enumerate(model.contract.names)}


def build_portable_graph(model: ChurnModel) -> onnx.ModelProto:
    """Convert the whole scikit-learn pipeline.

    Returns
    -------
    ModelProto
        Inputs ``f0``, ``f1``, ...: string or float32 [n, 1]. Text is NFC-normalised and empty if missing;
        a missing number is NaN. Output ``probability``: float32 [n, 1].

    Raises
    ------
    ParityError
        If the converter renamed an input.
    ExportError
        If the family has no converter.
    """
    register_converters()
    register_classifier_converters()
    pipeline = model.whole_pipeline
    initial_types = [
        (
            f"f{position}",
            StringTensorType([None, 1]) if isinstance(f, CategoryFeature) else FloatTensorType([None, 1]),
        )
        for position, f in enumerate(model.contract.features)
    ]
    try:
        converted = convert_sklearn(
            pipeline,
            name="churn_portable",
            initial_types=initial_types,
            options={id(pipeline): {"zipmap": False}},
            target_opset={"": OPSET, "ai.onnx.ml": ML_OPSET},
        )
    except RuntimeError as error:
        # What skl2onnx raises for an estimator without a converter, or with one for a part of it.
        raise no_converter(
            model, "churn_core/models/export/portable_graph.py (register_converters)"
        ) from error
    names = [name for name, _ in initial_types]
    if [i.name for i in converted.graph.input] != names:
        raise ParityError(
            "This version of skl2onnx renames the inputs of portable.onnx; install the locked version with"
            " 'make setup'. Nothing was written."
        )
    _keep_probability_of_leaving(converted)
    # skl2onnx lists the operator sets in an order that changes from run to run.
    converted.opset_import.sort(key=lambda opset: opset.domain)
    converted.producer_name = "churn_core"
    converted.producer_version = ""
    helper.set_model_props(converted, {"churn.inputs": json.dumps(input_names(model), ensure_ascii=False)})
    onnx.checker.check_model(converted)
    portable: onnx.ModelProto = converted
    return portable


def _keep_probability_of_leaving(converted: Any) -> None:
    graph = converted.graph
    both_classes = graph.output[1].name
    graph.initializer.append(numpy_helper.from_array(np.array([1], dtype=np.int64), "leaving_class"))
    graph.node.append(
        helper.make_node("Gather", [both_classes, "leaving_class"], ["leaving"], name="leaving", axis=1)
    )
    # A linear model answers in float64.
    graph.node.append(
        helper.make_node("Cast", ["leaving"], ["probability"], name="probability", to=TensorProto.FLOAT)
    )
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("probability", TensorProto.FLOAT, [None, 1]))
