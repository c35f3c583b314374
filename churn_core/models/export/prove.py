"""Export a trained model to both graphs and check them against scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from churn_core.models.export.gate_rows import gate_rows
from churn_core.models.export.parity import (
    Comparison,
    ParityResult,
    check_parity,
    portable_graph_scorer,
    reference_scorer,
    scoring_graph_scorer,
)
from churn_core.models.export.portable_graph import build_portable_graph
from churn_core.models.export.scoring_graph import ScoringGraph, build_scoring_graph
from churn_core.scoring.bundle import PORTABLE_GRAPH, SCORING_GRAPH

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import onnx
    import pandas as pd

    from churn_core.models.churn_model import ChurnModel


@dataclass(frozen=True, slots=True)
class ProvedModel:
    """A model whose exported graphs passed the parity gate.

    Attributes
    ----------
    model : ChurnModel
        Its threshold is moved by a few millionths if rounding differences changed a decision there.
    scoring : ScoringGraph
    portable : ModelProto
    parity : ParityResult
    encoded : ndarray of float32, shape (rows, features)
        Every row of the training table, including the holdout.
    """

    model: ChurnModel
    scoring: ScoringGraph
    portable: onnx.ModelProto
    parity: ParityResult
    encoded: npt.NDArray[np.float32] = field(repr=False)

    @property
    def threshold(self) -> float:
        """A customer counts as leaving from this probability on."""
        return self.model.threshold


def prove_model(model: ChurnModel, table: pd.DataFrame) -> ProvedModel:
    """Build both graphs and compare them with scikit-learn.

    Parameters
    ----------
    model : ChurnModel
    table : DataFrame
        The table that the model was trained on; each of its rows is compared.

    Raises
    ------
    ParityError
        If a graph and scikit-learn disagree.
    """
    scoring = build_scoring_graph(model)
    portable = build_portable_graph(model)
    encoded = model.encode(table)
    rows = gate_rows(model, encoded)
    candidates = {
        SCORING_GRAPH: scoring_graph_scorer(scoring.model),
        PORTABLE_GRAPH: portable_graph_scorer(portable, model.contract),
    }
    comparison = Comparison.run(reference_scorer(model), candidates, rows, model.contract)
    may_move = model.decision.may_move
    parity, threshold = check_parity(comparison, model.threshold, threshold_may_move=may_move)
    return ProvedModel(model.at_threshold(threshold), scoring, portable, parity, encoded)
