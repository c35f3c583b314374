"""The additive model's part of the scoring graph: lookups, whatever its number of trees.

A balanced tree per number column and a table per category column find a value's cell. Cells index one flat
table of all columns' values; pairs of cells index one flat table of all pairs' values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from churn_core.features.graph_nodes import (
    INT64,
    write_category_index,
    write_derived,
    write_numbers,
)
from churn_core.models.additive.terms import AdditiveTerms, cells_of
from churn_core.models.export.interval_trees import interval_tree_attributes

if TYPE_CHECKING:
    import numpy.typing as npt

    from churn_core.features import FeatureEngineer
    from churn_core.models.churn_model import ChurnModel
    from churn_core.models.export.graph_writer import GraphWriter


def additive_terms(model: ChurnModel) -> AdditiveTerms:
    """Collapse a trained additive model into its terms, without calibration."""
    steps = model.pipeline.named_steps
    represented = steps["represent"].transform(steps["engineer"].transform(model.training_matrix))
    return AdditiveTerms.from_model(model.estimator, represented)


def write_additive_pieces(
    writer: GraphWriter, model: ChurnModel, terms: AdditiveTerms
) -> tuple[str, npt.NDArray[np.float32]]:
    """Write the lookup of every term's value.

    Returns
    -------
    str
        Name of a float64 [rows, terms] tensor.
    ndarray of float32, shape (terms, engineered columns)
        The share of a term that each of its columns gets: all of it, or half of a pair's term.
    """
    engineer: FeatureEngineer = model.pipeline.named_steps["engineer"]
    layout = _Layout(engineer, terms)
    cells = _write_cells(writer, model, layout)
    mains = np.concatenate([terms.mains[column] for column in layout.columns])
    pieces = [writer.node("Gather", [writer.constant(mains), cells], axis=0)]
    if terms.pairs:
        pieces.append(_write_pairs(writer, cells, layout))
    values = pieces[0] if len(pieces) == 1 else writer.node("Concat", pieces, axis=1)
    term_columns = [*((column,) for column in layout.columns), *(pair.columns for pair in terms.pairs)]
    shares = np.zeros((len(term_columns), len(engineer.columns_)), dtype=np.float32)
    for row, columns in enumerate(term_columns):
        shares[row, list(columns)] = 1 / len(columns)
    return values, shares


class _Layout:
    """The position of each column's values in the flat table.

    Attributes
    ----------
    columns : list of int
        Engineered columns in the order of the graph's cells: categories, then numbers with an effect.
    numbers : list of int
        Those numbers, as positions among the number columns.
    first : dict
        By engineered column, the offset of its first value.
    """

    def __init__(self, engineer: FeatureEngineer, terms: AdditiveTerms) -> None:
        categories = len(engineer.code_maps_)
        width = len(engineer.columns_)
        in_pairs = {column for pair in terms.pairs for column in pair.columns}
        used = [c for c in range(categories, width) if terms.mains[c].any() or c in in_pairs]
        self.terms = terms
        if not categories and not used:
            # A model that has learnt nothing, as from 30 rows; the graph still needs a column.
            used = [0]
        self.columns = [*range(categories), *used]
        self.numbers = [column - categories for column in used]
        sizes = [len(terms.mains[column]) for column in self.columns]
        self.first = dict(
            zip(self.columns, np.concatenate([[0], np.cumsum(sizes)[:-1]]).tolist(), strict=True)
        )


def _write_cells(writer: GraphWriter, model: ChurnModel, layout: _Layout) -> str:
    """Write int64 [rows, columns]: the position of each value's cell in the flat table."""
    steps = model.pipeline.named_steps
    engineer: FeatureEngineer = steps["engineer"]
    derived = write_derived(writer, "features", model.contract)
    parts = []
    if engineer.code_maps_:
        places = [
            layout.first[column] + cells_of(rates[code_map.astype(np.int64)], layout.terms.thresholds[column])
            for column, (code_map, rates) in enumerate(
                zip(engineer.code_maps_, steps["represent"].values_, strict=True)
            )
        ]
        index = write_category_index(writer, "features", derived, engineer)
        parts.append(writer.node("Gather", [writer.constant(np.concatenate(places)), index], axis=0))
    if layout.numbers:
        numbers = write_numbers(writer, "features", derived, engineer)
        categories = len(engineer.code_maps_)
        columns = [categories + number for number in layout.numbers]
        attributes = interval_tree_attributes(
            [layout.terms.thresholds[column] for column in columns],
            [layout.first[column] for column in columns],
            layout.numbers,
        )
        number_places = writer.tree_ensemble(numbers, attributes)
        parts.append(writer.node("Cast", [number_places], to=INT64))
    return parts[0] if len(parts) == 1 else writer.node("Concat", parts, axis=1)


def _write_pairs(writer: GraphWriter, cells: str, layout: _Layout) -> str:
    """Write float64 [rows, pairs]: each pair's value.

    A pair's table is coarser than its columns' cells. One lookup per side gives the row's offset and the
    column in the flat table of all pairs; another lookup gives the value.
    """
    pairs = layout.terms.pairs
    begins = np.concatenate([[0], np.cumsum([pair.values.size for pair in pairs])[:-1]])
    flat_sides = []
    for side in range(2):
        strides = [pair.values.shape[1] if side == 0 else 1 for pair in pairs]
        bases = begins if side == 0 else np.zeros_like(begins)
        tables = [
            base + stride * pair.cells[side]
            for pair, stride, base in zip(pairs, strides, bases.tolist(), strict=True)
        ]
        starts = np.concatenate([[0], np.cumsum([len(table) for table in tables])[:-1]])
        columns = [pair.columns[side] for pair in pairs]
        positions = np.array([layout.columns.index(column) for column in columns], dtype=np.int64)
        shift = starts - np.array([layout.first[column] for column in columns])
        pair_cells = writer.node("Gather", [cells, writer.constant(positions)], axis=1)
        index = writer.node("Add", [pair_cells, writer.constant(shift.astype(np.int64)[None, :])])
        table = writer.constant(np.concatenate(tables).astype(np.int64))
        flat_sides.append(writer.node("Gather", [table, index], axis=0))
    values = writer.constant(np.concatenate([pair.values.ravel() for pair in pairs]))
    return writer.node("Gather", [values, writer.node("Add", flat_sides)], axis=0)
