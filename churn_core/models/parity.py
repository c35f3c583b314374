"""The parity gate: both exported graphs answer as scikit-learn does, or nothing is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import onnxruntime as ort

from churn_core.errors import ParityError
from churn_core.models.gate_rows import KINDS, GateRows, decode_rows
from churn_core.schema import CategoryFeature
from churn_core.scoring.bundle import PORTABLE_GRAPH, SCORING_GRAPH
from churn_core.scoring.predictor import round_probability

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    import onnx

    from churn_core.models.churn_model import ChurnModel
    from churn_core.schema import Contract

    Matrix = npt.NDArray[np.float32]
    Scorer = Callable[[Matrix], npt.NDArray[np.float64]]

TOLERANCE: Final = 1e-6
_ROWS_PER_RUN: Final = 65_536


@dataclass(frozen=True, slots=True)
class ParityResult:
    """What the gate found.

    Attributes
    ----------
    rows_compared : int
        Rows on which scikit-learn and both graphs were compared.
    max_abs_difference : float
        Largest difference of a probability from scikit-learn's.
    decisions_changed : int
        Rows whose decision at the threshold differs.
    rows_by_kind : dict
        How many rows of each kind there were.
    """

    rows_compared: int
    max_abs_difference: float
    decisions_changed: int
    rows_by_kind: dict[str, int]

    def to_dict(self) -> dict[str, float | int | dict[str, int]]:
        """Return the result as it stands in metrics.json."""
        return {
            "rows_compared": self.rows_compared,
            "max_abs_difference": float(f"{self.max_abs_difference:.3g}"),
            "decisions_changed": self.decisions_changed,
            "rows_by_kind": self.rows_by_kind,
        }


def check_parity(
    reference: Scorer, candidates: dict[str, Scorer], rows: GateRows, threshold: float, contract: Contract
) -> ParityResult:
    """Compare scorers on the gate's rows.

    Parameters
    ----------
    reference : callable
        Encoded rows to scikit-learn's probabilities.
    candidates : dict
        The same for each exported graph, by its file's name.
    rows : GateRows
        Where to compare.
    threshold : float
        From which rounded probability a customer counts as leaving.
    contract : Contract
        Names the features.

    Raises
    ------
    ParityError
        If a probability differs by more than 1e-6 or a decision differs; names the graph, the kind of
        row and the feature.
    """
    expected = reference(rows.matrix)
    decisions = _decide(expected, threshold)
    largest, changed = 0.0, 0
    for name, candidate in candidates.items():
        answer = candidate(rows.matrix)
        difference = np.abs(answer - expected)
        difference[np.isnan(difference)] = np.inf
        flipped = _decide(answer, threshold) != decisions
        if difference.max() > TOLERANCE:
            worst = int(np.argmax(difference))
            where = _describe(rows, worst, _to_blame(reference, candidate, rows, difference, worst), contract)
            raise ParityError(
                f"Parity gate: {name} differs from scikit-learn by up to {difference[worst]:.2g} on"
                f" {int((difference > TOLERANCE).sum())} of {len(expected)} rows, most on a {where};"
                " nothing was written."
            )
        if flipped.any():
            first = int(np.argmax(flipped))
            raise ParityError(
                f"Parity gate: {name} decides {int(flipped.sum())} rows otherwise than scikit-learn, first a"
                f" {_describe(rows, first, rows.feature[first], contract)};"
                " choose a decision.threshold a little above or below; nothing was written."
            )
        largest = max(largest, float(difference.max()))
        changed += int(flipped.sum())
    counts = np.bincount(rows.kind, minlength=len(KINDS))
    return ParityResult(
        rows_compared=len(expected),
        max_abs_difference=largest,
        decisions_changed=changed,
        rows_by_kind={kind: int(count) for kind, count in zip(KINDS, counts, strict=True) if count},
    )


def clear_threshold(
    reference: Scorer, candidates: dict[str, Scorer], rows: GateRows, threshold: float
) -> float:
    """Return the nearest threshold, in steps of 1e-6, that no answer straddles.

    A threshold chosen from the data falls on somebody's score; the sixth decimal of that score may
    differ between scikit-learn and a graph, and with it the decision.
    """
    answers = [reference(rows.matrix), *(candidate(rows.matrix) for candidate in candidates.values())]
    low, high = np.min(answers, axis=0), np.max(answers, axis=0)
    low, high = round_probability(low), round_probability(high)
    for step in range(1_000):
        for sign in (1, -1):
            candidate = round(threshold + sign * step * 1e-6, 6)
            if 0 < candidate < 1 and not ((low < candidate) & (high >= candidate)).any():
                return candidate
    raise ParityError(f"Parity gate: no threshold near {threshold} is free of changed decisions.")


def reference_scorer(model: ChurnModel) -> Scorer:
    """Score encoded rows by the way scikit-learn takes: back to raw values, through the whole pipeline."""
    return lambda matrix: model.predict_parsed(decode_rows(matrix, model.contract))


def scoring_graph_scorer(graph: onnx.ModelProto) -> Scorer:
    """Score encoded rows with model.onnx."""
    session = _session(graph)
    return lambda matrix: _in_parts(
        matrix, lambda part: session.run(["probability"], {"features": part})[0][:, 0]
    )


def portable_graph_scorer(graph: onnx.ModelProto, contract: Contract) -> Scorer:
    """Score encoded rows with portable.onnx, from raw values."""
    session = _session(graph)

    def score(part: Matrix) -> npt.NDArray[np.float32]:
        raw = decode_rows(part, contract)
        feeds = {
            f"f{position}": raw[feature.name].fillna("").to_numpy(dtype=object)[:, None]
            if isinstance(feature, CategoryFeature)
            else raw[feature.name].to_numpy(dtype=np.float32)[:, None]
            for position, feature in enumerate(contract.features)
        }
        return np.asarray(session.run(["probability"], feeds)[0][:, 0])

    return lambda matrix: _in_parts(matrix, score)


def candidate_scorers(
    scoring: onnx.ModelProto, portable: onnx.ModelProto, contract: Contract
) -> dict[str, Scorer]:
    """Return the scorers of both graphs by the file's name."""
    return {
        SCORING_GRAPH: scoring_graph_scorer(scoring),
        PORTABLE_GRAPH: portable_graph_scorer(portable, contract),
    }


def _session(graph: onnx.ModelProto) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return ort.InferenceSession(graph.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _in_parts(matrix: Matrix, score: Callable[[Matrix], npt.NDArray[np.float32]]) -> npt.NDArray[np.float64]:
    parts = [score(matrix[start : start + _ROWS_PER_RUN]) for start in range(0, len(matrix), _ROWS_PER_RUN)]
    return np.concatenate(parts).astype(np.float64)


def _decide(probability: npt.NDArray[np.float64], threshold: float) -> npt.NDArray[np.bool_]:
    decided: npt.NDArray[np.bool_] = round_probability(probability) >= threshold
    return decided


def _to_blame(
    reference: Scorer, candidate: Scorer, rows: GateRows, difference: npt.NDArray[np.float64], worst: int
) -> int:
    """Find the feature whose replacement by a value of an agreeing row helps the worst row most."""
    agreeing = np.flatnonzero(difference <= TOLERANCE)
    if rows.feature[worst] >= 0 or not len(agreeing):
        return int(rows.feature[worst])
    width = rows.matrix.shape[1]
    donor = rows.matrix[agreeing[0]]
    trials = np.repeat(rows.matrix[worst][None, :], width, axis=0)
    np.fill_diagonal(trials, donor)
    return int(np.argmin(np.abs(candidate(trials) - reference(trials))))


def _describe(rows: GateRows, row: int, feature: int, contract: Contract) -> str:
    kind = KINDS[rows.kind[row]]
    return f"{kind} (column {contract.names[feature]!r})" if feature >= 0 else kind
