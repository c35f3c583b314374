"""The skl2onnx converter of averaged boostings, the additive model among them.

It writes the fitted trees one by one. The parity gate compares them with the form in model.onnx, where an
additive model's trees are collapsed into tables.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
from skl2onnx import update_registered_converter
from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes
from skl2onnx.common.tree_ensemble import (
    add_tree_to_attribute_pairs_hist_gradient_boosting,
    get_default_tree_regressor_attribute_pairs,
)

from churn_core.features.converters import ConverterWriter
from churn_core.features.derived import float32_floor
from churn_core.features.graph_nodes import DOUBLE, FLOAT
from churn_core.models.additive.classifier import AdditiveBoostingClassifier
from churn_core.models.boosting.averaged import AveragedBoostingClassifier
from churn_core.models.sklearn_internals import boosted_baseline, boosted_tree_nodes

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier


def register_averaged_converters() -> None:
    """Register the converters; further calls have no effect."""
    for estimator in (AdditiveBoostingClassifier, AveragedBoostingClassifier):
        update_registered_converter(
            estimator,
            f"Churn{estimator.__name__}",
            calculate_linear_classifier_output_shapes,
            _convert,
            overwrite=True,
            options={"zipmap": [True, False, "columns"], "raw_scores": [True, False], "nocl": [True, False]},
        )


def _convert(scope: Any, operator: Any, container: Any) -> None:
    writer = ConverterWriter(scope, container)
    model: AveragedBoostingClassifier = operator.raw_operator
    features = operator.inputs[0].full_name
    # Members are added in float64: in float32 a sum of a thousand leaves would change the sixth decimal.
    members = [
        writer.node("Cast", [_write_member(writer, member, features)], to=DOUBLE) for member in model.members_
    ]
    baseline = np.mean([boosted_baseline(member) for member in model.members_])
    mean = writer.node(
        "Div", [writer.node("Sum", members), writer.constant(np.array([[float(len(members))]]))]
    )
    log_odds = writer.node("Add", [mean, writer.constant(np.array([[baseline]]))])
    raw_scores = container.get_options(model, {"raw_scores": False})["raw_scores"]
    second = log_odds if raw_scores else writer.node("Sigmoid", [log_odds])
    first = (
        writer.node("Neg", [second])
        if raw_scores
        else writer.node("Sub", [writer.constant(np.array([[1.0]])), second])
    )
    scores = writer.node("Concat", [first, second], axis=1)
    writer.set_output(writer.node("Cast", [scores], to=FLOAT), operator.outputs[1])
    writer.set_output(writer.node("ArgMax", [scores], axis=1, keepdims=0), operator.outputs[0])


def _write_member(writer: ConverterWriter, member: HistGradientBoostingClassifier, features: str) -> str:
    attributes = get_default_tree_regressor_attribute_pairs()
    attributes["n_targets"] = 1
    for number, fitted in enumerate(boosted_tree_nodes(member)):
        nodes = fitted.copy()
        # skl2onnx rounds a double threshold to the nearest float32, which may send a value the wrong way.
        nodes["num_threshold"] = float32_floor(nodes["num_threshold"])
        add_tree_to_attribute_pairs_hist_gradient_boosting(
            attributes, False, SimpleNamespace(nodes=nodes), number, 1.0, 0, leaf_weights_are_counts=False
        )
    plain = {key: _plain(value) for key, value in attributes.items()}
    return writer.node("TreeEnsembleRegressor", [features], op_domain="ai.onnx.ml", op_version=3, **plain)


def _plain(value: Any) -> Any:
    """Turn numpy numbers and booleans into Python ones, which protobuf accepts."""
    if not isinstance(value, list) or not value or isinstance(value[0], str):
        return value
    return np.asarray(value, dtype=np.float64 if isinstance(value[0], float) else np.int64).tolist()
