"""Write the feature operations of both exported graphs.

The skl2onnx converters and the scoring graph pass different writers; the operations are the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from churn_core.features.derived import bucket_missing_code, counted_code

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from churn_core.features.engineer import FeatureEngineer
    from churn_core.schema import Contract, DerivedFeature

FLOAT, INT64, DOUBLE = 1, 7, 11
"""Element types in ONNX's numbering."""


class NodeWriter(Protocol):
    """Adds operations to a graph under construction."""

    def node(self, operator: str, inputs: list[str], **attributes: Any) -> str:
        """Add an operation with one output; return the output's name."""
        ...

    def constant(self, value: npt.NDArray[Any]) -> str:
        """Add a constant; return its name."""
        ...


def write_category_index(
    writer: NodeWriter, features: str, derived: list[str], engineer: FeatureEngineer
) -> str:
    """Write the lookup of all category columns at once.

    Returns
    -------
    str
        Name of an int64 [rows, category columns] tensor: positions in a flat table with one entry per code
        of `engineer.code_maps_`, column after column.
    """
    sizes = [len(code_map) for code_map in engineer.code_maps_]
    offsets = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)[None, :]
    codes = _columns(writer, features, derived, engineer, categories=True)
    index = writer.node("Cast", [codes], to=INT64)
    return writer.node("Add", [index, writer.constant(offsets)])


def write_numbers(writer: NodeWriter, features: str, derived: list[str], engineer: FeatureEngineer) -> str:
    """Write the number columns, float32 [rows, numbers], imputed and limited as the engineer says."""
    numbers = _columns(writer, features, derived, engineer, categories=False)
    if engineer.impute:
        missing = writer.node("IsNaN", [numbers])
        numbers = writer.node("Where", [missing, writer.constant(engineer.fill_values_[None, :]), numbers])
    if engineer.limit:
        low, high = engineer.limits_
        numbers = writer.node("Max", [numbers, writer.constant(low[None, :])])
        numbers = writer.node("Min", [numbers, writer.constant(high[None, :])])
    return numbers


def write_engineered(
    writer: NodeWriter,
    features: str,
    engineer: FeatureEngineer,
    tables: Sequence[npt.NDArray[np.float32]] | None = None,
    indicated: Sequence[tuple[int, int]] = (),
) -> str:
    """Write the operations of `FeatureEngineer.transform`; return the float32 matrix's name.

    Parameters
    ----------
    tables : sequence of ndarray of float32, optional
        For each category column the value by code, instead of `engineer.code_maps_`.
    indicated : sequence of (int, int)
        Category columns, and the engineered code that a further column at the end is 1 for.
    """
    derived = write_derived(writer, features, engineer.contract)
    parts = []
    if engineer.code_maps_:
        index = write_category_index(writer, features, derived, engineer)
        table = writer.constant(np.concatenate(engineer.code_maps_ if tables is None else tables))
        parts.append(writer.node("Gather", [table, index], axis=0))
    if len(engineer.fill_values_):
        parts.append(write_numbers(writer, features, derived, engineer))
    if indicated:
        parts.append(_write_indicators(writer, index, engineer, indicated))
    return parts[0] if len(parts) == 1 else writer.node("Concat", parts, axis=1)


def _write_indicators(
    writer: NodeWriter, index: str, engineer: FeatureEngineer, indicated: Sequence[tuple[int, int]]
) -> str:
    """Write one column of 1 and 0 per indicator, float32, from the positions of `write_category_index`."""
    columns = np.array([column for column, _ in indicated], dtype=np.int64)
    sizes = np.array([len(code_map) for code_map in engineer.code_maps_], dtype=np.int64)
    own = sizes[columns]
    # Each indicator has its own flat table; a position moves from its column's table to the indicator's.
    moved = (np.cumsum(own) - own) - (np.cumsum(sizes) - sizes)[columns]
    chosen = writer.node("Gather", [index, writer.constant(columns)], axis=1)
    positions = writer.node("Add", [chosen, writer.constant(moved[None, :])])
    flags = [(engineer.code_maps_[column] == code).astype(np.float32) for column, code in indicated]
    return writer.node("Gather", [writer.constant(np.concatenate(flags)), positions], axis=0)


def write_derived(writer: NodeWriter, features: str, contract: Contract) -> list[str]:
    """Write every derived feature; return the names of their float32 [rows, 1] tensors."""

    def raw(name: str) -> str:
        position = writer.constant(np.array([contract.position(name)], dtype=np.int64))
        return writer.node("Gather", [features, position], axis=1)

    outputs = []
    for derived in contract.derived:
        if derived.kind == "count":
            outputs.append(_write_count(writer, [raw(name) for name in derived.columns], contract, derived))
        elif derived.kind == "bucket":
            outputs.append(_write_bucket(writer, raw(derived.columns[0]), derived))
        else:
            outputs.append(_write_arithmetic(writer, [raw(name) for name in derived.columns], derived))
    return outputs


def _columns(
    writer: NodeWriter, features: str, derived: list[str], engineer: FeatureEngineer, *, categories: bool
) -> str:
    wanted = [c for c in engineer.columns_ if (c.levels is not None) == categories]
    parts = [
        write_slice(writer, features, first, last + 1)
        for first, last in _runs([c.sources[0] for c in wanted if c.derived is None])
    ]
    parts.extend(derived[c.derived] for c in wanted if c.derived is not None)
    return parts[0] if len(parts) == 1 else writer.node("Concat", parts, axis=1)


def write_slice(writer: NodeWriter, matrix: str, first: int, end: int) -> str:
    """Write the columns of a matrix from `first` to before `end`; return the tensor's name."""
    bounds = [np.array([bound], dtype=np.int64) for bound in (first, end, 1)]
    return writer.node("Slice", [matrix, *map(writer.constant, bounds)])


def _runs(positions: list[int]) -> list[tuple[int, int]]:
    """Group increasing positions into runs: in onnxruntime a slice is several times faster than a gather."""
    runs: list[tuple[int, int]] = []
    for position in positions:
        if runs and runs[-1][1] == position - 1:
            runs[-1] = (runs[-1][0], position)
        else:
            runs.append((position, position))
    return runs


def _write_count(writer: NodeWriter, columns: list[str], contract: Contract, derived: DerivedFeature) -> str:
    hits = []
    for name, column in zip(derived.columns, columns, strict=True):
        # A value that the column never had in training has no code; -1 matches no code.
        code = counted_code(contract, name, derived)
        wanted = writer.constant(np.array([[-1 if code is None else code]], dtype=np.float32))
        hits.append(writer.node("Cast", [writer.node("Equal", [column, wanted])], to=FLOAT))
    return writer.node("Sum", hits)


def _write_bucket(writer: NodeWriter, column: str, derived: DerivedFeature) -> str:
    # One comparison per edge with a 1 x 1 constant: onnxruntime has a fast path for this shape.
    reached = [
        writer.node(
            "Cast",
            [writer.node("GreaterOrEqual", [column, writer.constant(np.array([[edge]], dtype=np.float32))])],
            to=FLOAT,
        )
        for edge in derived.edges
    ]
    code = writer.node("Sum", reached)
    missing = writer.constant(np.array([[bucket_missing_code(derived)]], dtype=np.float32))
    return writer.node("Where", [writer.node("IsNaN", [column]), missing, code])


def _write_arithmetic(writer: NodeWriter, columns: list[str], derived: DerivedFeature) -> str:
    operator = {"ratio": "Div", "difference": "Sub", "sum": "Add"}[derived.kind]
    wide = [writer.node("Cast", [column], to=DOUBLE) for column in columns]
    value = wide[0]
    for operand in wide[1:]:
        value = writer.node(operator, [value, operand])
    narrow = writer.node("Cast", [value], to=FLOAT)
    missing = writer.constant(np.array([[np.nan]], dtype=np.float32))
    return writer.node("Where", [writer.node("IsInf", [narrow]), missing, narrow])
