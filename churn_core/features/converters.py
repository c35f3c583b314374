"""skl2onnx converters of our transformers, for the portable graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from skl2onnx import update_registered_converter
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

from churn_core.features.churn_rates import ChurnRateEncoder
from churn_core.features.encoder import TableEncoder
from churn_core.features.engineer import FeatureEngineer
from churn_core.features.graph_nodes import DOUBLE, FLOAT, INT64, write_engineered, write_slice
from churn_core.features.linear_columns import LinearColumns
from churn_core.schema import CategoryFeature

if TYPE_CHECKING:
    import numpy.typing as npt

_ELEMENT_TYPES = {np.dtype(np.float32): FLOAT, np.dtype(np.int64): INT64, np.dtype(np.float64): DOUBLE}

_ALIASES: dict[type, str] = {
    TableEncoder: "ChurnTableEncoder",
    FeatureEngineer: "ChurnFeatureEngineer",
    ChurnRateEncoder: "ChurnRateEncoder",
    LinearColumns: "ChurnLinearColumns",
}


_Transformer: TypeAlias = TableEncoder | FeatureEngineer | ChurnRateEncoder | LinearColumns


class ConverterWriter:
    """A `NodeWriter` that adds nodes to the container of a skl2onnx conversion."""

    def __init__(self, scope: Any, container: Any) -> None:
        self._scope = scope
        self._container = container

    def node(self, operator: str, inputs: list[str], **attributes: Any) -> str:
        """Add an operation with one output; return the output's name."""
        output = str(self._scope.get_unique_variable_name(operator.lower()))
        self._container.add_node(
            operator, inputs, [output], name=self._scope.get_unique_operator_name(operator), **attributes
        )
        return output

    def constant(self, value: npt.NDArray[Any]) -> str:
        """Add a constant; return its name."""
        name = str(self._scope.get_unique_variable_name("constant"))
        self._container.add_initializer(
            name, _ELEMENT_TYPES[value.dtype], list(value.shape), value.ravel().tolist()
        )
        return name

    def set_output(self, tensor: str, output: Any) -> None:
        """Make a tensor an output of the converted operator."""
        self._container.add_node(
            "Identity", [tensor], [output.full_name], name=self._scope.get_unique_operator_name("Identity")
        )


def register_converters() -> None:
    """Register the converters; further calls have no effect."""
    for transformer, convert in (
        (TableEncoder, _convert_encoder),
        (FeatureEngineer, _convert_engineer),
        (ChurnRateEncoder, _convert_churn_rates),
        (LinearColumns, _convert_linear_columns),
    ):
        update_registered_converter(
            transformer, _ALIASES[transformer], _set_shape, convert, overwrite=True, parser=_parse
        )


def _parse(scope: Any, transformer: Any, inputs: list[Any], custom_parsers: object = None) -> list[Any]:
    """Declare the output with its width, which the parser of a following ColumnTransformer needs."""
    del custom_parsers
    operator = scope.declare_local_operator(_ALIASES[type(transformer)], transformer)
    operator.inputs = inputs
    operator.outputs.append(scope.declare_local_variable("matrix", _output_type(transformer)))
    return list(operator.outputs)


def _set_shape(operator: Any) -> None:
    operator.outputs[0].type = _output_type(operator.raw_operator)


def _output_type(transformer: _Transformer) -> Any:
    kind = DoubleTensorType if isinstance(transformer, LinearColumns) else FloatTensorType
    return kind([None, _width(transformer)])


def _width(transformer: _Transformer) -> int:
    if isinstance(transformer, TableEncoder):
        return len(transformer.contract_.features)
    if isinstance(transformer, FeatureEngineer):
        return len(transformer.columns_)
    if isinstance(transformer, LinearColumns):
        return sum(map(len, transformer.levels_)) + len(transformer.mean_)
    return len(transformer.owners_)


def _convert_encoder(scope: Any, operator: Any, container: Any) -> None:
    columns = []
    for feature, variable in zip(operator.raw_operator.contract_.features, operator.inputs, strict=True):
        if not isinstance(feature, CategoryFeature):
            columns.append(variable.full_name)
            continue
        output = scope.get_unique_variable_name("code")
        # Blank text means missing in the portable graph, because ONNX has no missing strings.
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
    writer = ConverterWriter(scope, container)
    writer.set_output(
        write_engineered(writer, operator.inputs[0].full_name, operator.raw_operator), operator.outputs[0]
    )


def _convert_churn_rates(scope: Any, operator: Any, container: Any) -> None:
    writer = ConverterWriter(scope, container)
    encoder: ChurnRateEncoder = operator.raw_operator
    matrix = operator.inputs[0].full_name
    parts = [
        writer.node(
            "Gather",
            [
                writer.constant(rates),
                writer.node("Cast", [write_slice(writer, matrix, column, column + 1)], to=INT64),
            ],
            axis=0,
        )
        for column, rates in enumerate(encoder.values_)
    ]
    if encoder.categories < encoder.n_features_in_:
        parts.append(write_slice(writer, matrix, encoder.categories, encoder.n_features_in_))
    if encoder.indicated_:
        columns, codes = np.array(encoder.indicated_).T
        chosen = writer.node("Gather", [matrix, writer.constant(columns.astype(np.int64))], axis=1)
        same = writer.node("Equal", [chosen, writer.constant(codes.astype(np.float32)[None, :])])
        parts.append(writer.node("Cast", [same], to=FLOAT))
    writer.set_output(writer.node("Concat", parts, axis=1), operator.outputs[0])


def _convert_linear_columns(scope: Any, operator: Any, container: Any) -> None:
    writer = ConverterWriter(scope, container)
    columns: LinearColumns = operator.raw_operator
    matrix = operator.inputs[0].full_name
    parts = []
    for position, levels in enumerate(columns.levels_):
        code = write_slice(writer, matrix, position, position + 1)
        same = writer.node("Equal", [code, writer.constant(levels.astype(np.float32)[None, :])])
        parts.append(writer.node("Cast", [same], to=DOUBLE))
    if len(columns.mean_):
        numbers = write_slice(writer, matrix, columns.categories, columns.n_features_in_)
        wide = writer.node("Cast", [numbers], to=DOUBLE)
        centred = writer.node("Sub", [wide, writer.constant(columns.mean_[None, :])])
        parts.append(writer.node("Div", [centred, writer.constant(columns.scale_[None, :])]))
    writer.set_output(writer.node("Concat", parts, axis=1), operator.outputs[0])
