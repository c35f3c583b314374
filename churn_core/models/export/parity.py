"""The parity gate: nothing is written unless both exported graphs agree with scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from churn_core.errors import ParityError
from churn_core.models.export.gate_rows import KINDS, GateRows, decode_rows
from churn_core.schema import CategoryFeature
from churn_core.scoring.money import LOWEST, NOBODY
from churn_core.scoring.onnx_session import open_session
from churn_core.scoring.scores import round_probability

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
    """The result of the gate.

    Attributes
    ----------
    rows_compared : int
        Rows on which scikit-learn and both graphs were compared.
    max_abs_difference : float
        Largest difference between a graph's and scikit-learn's probability.
    decisions_changed : int
        Rows with different decisions at the threshold.
    rows_by_kind : dict
        Number of rows of each kind.
    """

    rows_compared: int
    max_abs_difference: float
    decisions_changed: int
    rows_by_kind: dict[str, int]

    def to_dict(self) -> dict[str, float | int | dict[str, int]]:
        """Return the result in the form of metrics.json."""
        return {
            "rows_compared": self.rows_compared,
            "max_abs_difference": float(f"{self.max_abs_difference:.3g}"),
            "decisions_changed": self.decisions_changed,
            "rows_by_kind": self.rows_by_kind,
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """The probabilities of scikit-learn and of the exported graphs for the gate's rows.

    Attributes
    ----------
    reference : callable
        Encoded rows to scikit-learn's probabilities.
    candidates : dict
        The same for each exported graph, by its file's name.
    expected : ndarray of float64, shape (rows,)
        The probabilities of scikit-learn.
    answers : dict
        The probabilities of each graph, ndarrays of float64.
    """

    rows: GateRows
    contract: Contract
    reference: Scorer
    candidates: dict[str, Scorer]
    expected: npt.NDArray[np.float64]
    answers: dict[str, npt.NDArray[np.float64]]

    @classmethod
    def run(
        cls, reference: Scorer, candidates: dict[str, Scorer], rows: GateRows, contract: Contract
    ) -> Comparison:
        """Score the rows with scikit-learn and with every candidate."""
        answers = {name: candidate(rows.matrix) for name, candidate in candidates.items()}
        return cls(rows, contract, reference, candidates, reference(rows.matrix), answers)

    def refuse_differences(self) -> float:
        """Return the largest difference between probabilities.

        Raises
        ------
        ParityError
            If it is above 1e-6. Names the graph, the kind of row and the feature.
        """
        largest = 0.0
        for name, answer in self.answers.items():
            difference = np.abs(answer - self.expected)
            difference[np.isnan(difference)] = np.inf
            largest = max(largest, float(difference.max()))
            if largest <= TOLERANCE:
                continue
            worst = _row_to_name(self.rows, difference)
            feature = self._suspected_feature(self.candidates[name], difference, worst)
            raise ParityError(
                f"Parity gate: {name} differs from scikit-learn by up to {largest:.2g} on"
                f" {int((difference > TOLERANCE).sum())} of {len(answer)} rows, for example on a"
                f" {self._describe(worst, feature)}; train another family with --model-type."
                " Nothing was written."
            )
        return largest

    def clear_threshold(self, threshold: float) -> float:
        """Return the nearest threshold, in steps of 1e-6, at which all decisions agree.

        A threshold chosen from the data equals some customer's score. The sixth decimal of that score may
        differ between scikit-learn and a graph, so the decision may differ too.
        """
        probabilities = [self.expected, *self.answers.values()]
        low = round_probability(np.min(probabilities, axis=0))
        high = round_probability(np.max(probabilities, axis=0))
        for step in range(1_000):
            for sign in (1, -1):
                nearby = round(threshold + sign * step * 1e-6, 6)
                if LOWEST <= nearby <= NOBODY and not ((low < nearby) & (high >= nearby)).any():
                    return nearby
        raise ParityError(
            f"Parity gate: scikit-learn and the graphs decide differently at every threshold within 0.001 of"
            f" {threshold}; set decision.threshold to a number outside that range. Nothing was written."
        )

    def refuse_changed_decisions(self, threshold: float) -> int:
        """Return 0, the number of different decisions at a threshold.

        Raises
        ------
        ParityError
            If any decision differs.
        """
        decided = round_probability(self.expected) >= threshold
        for name, answer in self.answers.items():
            flipped = (round_probability(answer) >= threshold) != decided
            if flipped.any():
                first = int(np.argmax(flipped))
                raise ParityError(
                    f"Parity gate: {name} and scikit-learn decide differently on {int(flipped.sum())} rows,"
                    f" first on a {self._describe(first, int(self.rows.feature[first]))}; set"
                    " decision.threshold slightly higher or lower. Nothing was written."
                )
        return 0

    def _suspected_feature(self, candidate: Scorer, difference: npt.NDArray[np.float64], worst: int) -> int:
        """Find the feature whose value, replaced by that of an agreeing row, improves the worst row most."""
        agreeing = np.flatnonzero(difference <= TOLERANCE)
        if self.rows.feature[worst] >= 0 or not len(agreeing):
            return int(self.rows.feature[worst])
        trials = np.repeat(self.rows.matrix[worst][None, :], self.rows.matrix.shape[1], axis=0)
        np.fill_diagonal(trials, self.rows.matrix[agreeing[0]])
        # Compared in log-odds: near 0 and 1 probabilities hardly change.
        return int(np.argmin(np.abs(_log_odds(candidate(trials)) - _log_odds(self.reference(trials)))))

    def _describe(self, row: int, feature: int) -> str:
        kind = KINDS[self.rows.kind[row]]
        return f"{kind} (column {self.contract.names[feature]!r})" if feature >= 0 else kind


def check_parity(
    comparison: Comparison, threshold: float, *, threshold_may_move: bool
) -> tuple[ParityResult, float]:
    """Compare the exported graphs with scikit-learn.

    Parameters
    ----------
    threshold : float
        A customer counts as leaving from this rounded probability on.
    threshold_may_move : bool
        Whether the threshold may be moved by a few millionths so that no decision depends on the last
        decimal; False for a configured threshold.

    Returns
    -------
    ParityResult, float
        The result, and the threshold to which it applies.

    Raises
    ------
    ParityError
        If a probability differs by more than 1e-6, or a decision differs.
    """
    largest = comparison.refuse_differences()
    if threshold_may_move:
        threshold = comparison.clear_threshold(threshold)
    changed = comparison.refuse_changed_decisions(threshold)
    counts = np.bincount(comparison.rows.kind, minlength=len(KINDS))
    by_kind = {kind: int(count) for kind, count in zip(KINDS, counts, strict=True) if count}
    return ParityResult(len(comparison.expected), largest, changed, by_kind), threshold


def reference_scorer(model: ChurnModel) -> Scorer:
    """Score encoded rows with scikit-learn: back to raw values, then through the whole pipeline."""
    return lambda matrix: model.predict_parsed(decode_rows(matrix, model.contract))


def scoring_graph_scorer(graph: onnx.ModelProto) -> Scorer:
    """Score encoded rows with model.onnx."""
    session = open_session(graph.SerializeToString())
    return lambda matrix: _in_parts(
        matrix, lambda part: session.run(["probability"], {"features": part})[0][:, 0]
    )


def portable_graph_scorer(graph: onnx.ModelProto, contract: Contract) -> Scorer:
    """Score encoded rows with portable.onnx, from raw values."""
    session = open_session(graph.SerializeToString())

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


def _in_parts(matrix: Matrix, score: Callable[[Matrix], npt.NDArray[np.float32]]) -> npt.NDArray[np.float64]:
    parts = [score(matrix[start : start + _ROWS_PER_RUN]) for start in range(0, len(matrix), _ROWS_PER_RUN)]
    return np.concatenate(parts).astype(np.float64)


def _row_to_name(rows: GateRows, difference: npt.NDArray[np.float64]) -> int:
    """Choose the worst row in which one feature was varied, or the worst of all."""
    varied = np.where(rows.feature >= 0, difference, 0)
    return int(np.argmax(varied if varied.max() > TOLERANCE else difference))


def _log_odds(probability: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    clipped = np.clip(np.nan_to_num(probability, nan=0.0), 1e-12, 1 - 1e-12)
    odds: npt.NDArray[np.float64] = np.log(clipped / (1 - clipped))
    return odds
