"""Teach skl2onnx the product's own transformers, for the portable graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from skl2onnx import update_registered_converter
from skl2onnx.common.data_types import FloatTensorType

from churn_core.features.encoder import TableEncoder
from churn_core.features.engineer import FeatureEngineer
from churn_core.features.graph_nodes import write_engineered
from churn_core.schema import CategoryFeature

if TYPE_CHECKING:
    import numpy.typing as npt

_ELEMENT_TYPES = {np.dtype(np.float32): 1, np.dtype(np.int64): 7, np.dtype(np.float64): 11}


class _ConverterWriter:
    """Writes nodes into the container of a skl2onnx conversion."""

    def __init__(self, scope: Any, container: Any) -> None:
        self._scope = scope
        self._container = container

    def node(self, operator: str, inputs: list[str], **attributes: Any) -> str:
        output = str(self._scope.get_unique_variable_name(operator.lower()))
        self._container.add_node(
            operator, inputs, [output], name=self._scope.get_unique_operator_name(operator), **attributes
        )
        return output

    def constant(self, value: npt.NDArray[Any]) -> str:
        name = str(self._scope.get_unique_variable_name("constant"))
        self._container.add_initializer(
            name, _ELEMENT_TYPES[value.dtype], list(value.shape), value.ravel().tolist()
        )
        return name


def register_converters() -> None:
    """Register the converters; calling it again changes nothing."""
    for transformer, alias, convert in (
        (TableEncoder, "ChurnTableEncoder", _convert_encoder),
        (FeatureEngineer, "ChurnFeatureEngineer", _convert_engineer),
    ):
        update_registered_converter(transformer, alias, _set_shape, convert, overwrite=True, parser=_parse)


def _parse(scope: Any, transformer: Any, inputs: list[Any], custom_parsers: object = None) -> list[Any]:
    """Declare the output with its width: a ColumnTransformer behind it is parsed by columns."""
    del custom_parsers
    alias = "ChurnTableEncoder" if isinstance(transformer, TableEncoder) else "ChurnFeatureEngineer"
    operator = scope.declare_local_operator(alias, transformer)
    operator.inputs = inputs
    operator.outputs.append(
        scope.declare_local_variable("matrix", FloatTensorType([None, _width(transformer)]))
    )
    return list(operator.outputs)


def _set_shape(operator: Any) -> None:
    operator.outputs[0].type = FloatTensorType([None, _width(operator.raw_operator)])


def _width(transformer: TableEncoder | FeatureEngineer) -> int:
    if isinstance(transformer, TableEncoder):
        return len(transformer.contract_.features)
    return len(transformer.columns_)


def _convert_encoder(scope: Any, operator: Any, container: Any) -> None:
    columns = []
    for feature, variable in zip(operator.raw_operator.contract_.features, operator.inputs, strict=True):
        if not isinstance(feature, CategoryFeature):
            columns.append(variable.full_name)
            continue
        output = scope.get_unique_variable_name("code")
        # Blank text is the portable graph's missing value: ONNX has no missing strings.
        container.add_node(
            "LabelEncoder",
            [variable.full_name],
            [output],
            name=scope.get_unique_operator_name("LabelEncoder"),
            op_domain="ai.onnx.ml",
            op_version=2,
            keys_strings=[*feature.vocabulary, ""],
            values_floats=[*map(float, range(len(feature.vocabulary))), float(feature.missing_code)],
            default_float=float(feature.unknown_code),
        )
        columns.append(output)
    container.add_node(
        "Concat",
        columns,
        [operator.outputs[0].full_name],
        name=scope.get_unique_operator_name("Concat"),
        axis=1,
    )


def _convert_engineer(scope: Any, operator: Any, container: Any) -> None:
    writer = _ConverterWriter(scope, container)
    result = write_engineered(writer, operator.inputs[0].full_name, operator.raw_operator)
    writer_output = operator.outputs[0].full_name
    container.add_node("Identity", [result], [writer_output], name=scope.get_unique_operator_name("Identity"))
