"""Our skl2onnx converters of classifiers, for the portable graph.

Averaged boostings, the additive model among them, are written tree by tree. The parity gate compares them
with the form in model.onnx, where an additive model's trees are collapsed into tables. Linear models are
computed in float64, since skl2onnx's own converter computes in float32, where steep weights change scores.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from skl2onnx import update_registered_converter
from skl2onnx.common.data_types import DoubleTensorType
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
from churn_core.models.families import FAMILIES

if TYPE_CHECKING:
    import numpy.typing as npt

_TREES_IN_FLOAT32: Final = 32


def register_classifier_converters() -> None:
    """Register the converters; further calls have no effect."""
    linear = {family.estimator for family in FAMILIES.values() if family.graph == "linear"}
    averaged = {AdditiveBoostingClassifier, AveragedBoostingClassifier}
    for estimator in linear | averaged:
        update_registered_converter(
            estimator,
            f"Churn{estimator.__name__}",
            calculate_linear_classifier_output_shapes if estimator in averaged else _set_linear_shapes,
            _convert_averaged if estimator in averaged else _convert_linear,
            overwrite=True,
            options={"zipmap": [True, False, "columns"], "raw_scores": [True, False], "nocl": [True, False]},
        )


def _set_linear_shapes(operator: Any) -> None:
    calculate_linear_classifier_output_shapes(operator)
    # As its columns are; a calibration that follows takes constants of that type.
    operator.outputs[1].type = type(operator.inputs[0].type)(operator.outputs[1].type.shape)


def _convert_linear(scope: Any, operator: Any, container: Any) -> None:
    writer = ConverterWriter(scope, container)
    model = operator.raw_operator
    weights = np.asarray(model.coef_, dtype=np.float64).reshape(-1, 1)
    wide = writer.node("Cast", [operator.inputs[0].full_name], to=DOUBLE)
    terms = writer.node("MatMul", [wide, writer.constant(weights)])
    intercept = np.asarray(model.intercept_, dtype=np.float64).reshape(1, 1)
    log_odds = writer.node("Add", [terms, writer.constant(intercept)])
    is_wide = isinstance(operator.outputs[1].type, DoubleTensorType)
    _write_answers(writer, operator, container, log_odds, DOUBLE if is_wide else FLOAT)


def _convert_averaged(scope: Any, operator: Any, container: Any) -> None:
    writer = ConverterWriter(scope, container)
    model: AveragedBoostingClassifier = operator.raw_operator
    features = operator.inputs[0].full_name
    trees = model.tree_nodes()
    # Few trees are added in float32, the rest in float64: a thousand roundings change the sixth decimal.
    sums = [
        writer.node(
            "Cast", [_write_trees(writer, trees[start : start + _TREES_IN_FLOAT32], features)], to=DOUBLE
        )
        for start in range(0, len(trees), _TREES_IN_FLOAT32)
    ]
    count = writer.constant(np.array([[float(len(model.members_))]]))
    mean = writer.node("Div", [writer.node("Sum", sums), count])
    log_odds = writer.node("Add", [mean, writer.constant(np.array([[model.baseline]]))])
    _write_answers(writer, operator, container, log_odds, FLOAT)


def _write_answers(
    writer: ConverterWriter, operator: Any, container: Any, log_odds: str, score_type: int
) -> None:
    """Write both outputs from the log-odds, float64 [rows, 1]: the class, and the scores of both."""
    raw_scores = container.get_options(operator.raw_operator, {"raw_scores": False})["raw_scores"]
    second = log_odds if raw_scores else writer.node("Sigmoid", [log_odds])
    first = (
        writer.node("Neg", [second])
        if raw_scores
        else writer.node("Sub", [writer.constant(np.array([[1.0]])), second])
    )
    scores = writer.node("Concat", [first, second], axis=1)
    writer.set_output(writer.node("Cast", [scores], to=score_type), operator.outputs[1])
    writer.set_output(writer.node("ArgMax", [scores], axis=1, keepdims=0), operator.outputs[0])


def _write_trees(writer: ConverterWriter, trees: list[npt.NDArray[Any]], features: str) -> str:
    attributes = get_default_tree_regressor_attribute_pairs()
    attributes["n_targets"] = 1
    for number, fitted in enumerate(trees):
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
