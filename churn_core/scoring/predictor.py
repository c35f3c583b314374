"""Score customers with a model bundle, using only numpy and onnxruntime."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Self, overload

import numpy as np

from churn_core.errors import BundleError, InvalidRecordsError, ScoringError
from churn_core.scoring.bundle import Bundle, load_bundle
from churn_core.scoring.memory_faults import is_out_of_memory
from churn_core.scoring.onnx_session import open_session
from churn_core.scoring.records.answers import AnswerWriter
from churn_core.scoring.records.encoding import RecordEncoder
from churn_core.scoring.scores import Scores, require_probabilities, round_probability

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

    from churn_core.schema import Contract
    from churn_core.scoring.records.encoding import EncodedRecords

ROWS_PER_RUN: Final = 4_096
"""Rows in one run of onnxruntime: few enough that its intermediate tensors stay in the cache."""

TOLERANCE: Final = 1e-6
"""Allowed difference of a golden row's probability; another type of processor may round differently."""

_MINIMUM_ROWS: Final = 2
_OUTPUTS: Final = ["probability", "raw_score", "contributions"]


class ChurnPredictor:
    """Scores customers; safe to share between threads.

    Parameters
    ----------
    bundle : Bundle
        From `churn_core.scoring.bundle.load_bundle`.

    Raises
    ------
    BundleError
        If the graph can't be loaded, or gives other scores for the bundle's golden rows.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.contract = bundle.contract
        self._encoder = RecordEncoder(bundle.contract)
        self._answers = AnswerWriter(bundle)
        try:
            self._session = open_session(bundle.graph)
        except Exception as error:
            if is_out_of_memory(error):
                raise MemoryError("Loading the model takes more memory than there is.") from error
            raise BundleError("model.onnx can't be loaded by onnxruntime; train the model again.") from error
        self._check_signature()
        try:
            self._check_golden_rows()
        except (KeyError, TypeError, InvalidRecordsError, ScoringError) as error:
            raise BundleError(
                "The customers under 'golden_rows' in manifest.json can't be scored; train the model again."
            ) from error

    @classmethod
    def load(cls, folder: Path) -> ChurnPredictor:
        """Read, verify and load the bundle in `folder`.

        Raises
        ------
        BundleError
            For the reasons of `load_bundle` and of the constructor.
        """
        return cls(load_bundle(folder))

    def with_contract(self, contract: Contract) -> Self:
        """Return a predictor that reads values by another contract of the same encoded features.

        Only `Contract.reader` may differ. The golden rows were checked by the bundle's own contract.
        """
        if contract == self.contract:
            return self
        other = copy.copy(self)
        other.bundle = replace(self.bundle, contract=contract)
        other.contract = contract
        other._encoder = RecordEncoder(contract)
        other._answers = AnswerWriter(other.bundle)
        return other

    def score_matrix(self, matrix: npt.NDArray[np.float32]) -> Scores:
        """Score an encoded matrix.

        Parameters
        ----------
        matrix : ndarray of float32, shape (rows, features)
            Encoded by `RecordEncoder` or DuckDB, with columns in contract order.
        """
        rows = len(matrix)
        if 0 < rows <= ROWS_PER_RUN:
            return Scores(*self._run(matrix))
        probability = np.empty(rows, dtype=np.float64)
        raw_score = np.empty(rows, dtype=np.float32)
        contributions = np.empty((rows, matrix.shape[1]), dtype=np.float32)
        for start in range(0, rows, ROWS_PER_RUN):
            part = slice(start, start + ROWS_PER_RUN)
            probability[part], raw_score[part], contributions[part] = self._run(matrix[part])
        return Scores(probability, raw_score, contributions)

    def _run(
        self, part: npt.NDArray[np.float32]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        size = len(part)
        if size < _MINIMUM_ROWS:
            # onnxruntime computes a single row by other code, whose result may differ in the last bit.
            part = np.concatenate([part, part])
        probability, raw_score, contributions = self._session.run(_OUTPUTS, {"features": part})
        return round_probability(probability[:size, 0]), raw_score[:size, 0], contributions[:size]

    @overload
    def predict(self, records: Mapping[str, Any], *, all_reasons: bool = False) -> dict[str, Any]: ...
    @overload
    def predict(
        self, records: Sequence[Mapping[str, Any]], *, all_reasons: bool = False
    ) -> list[dict[str, Any]]: ...
    def predict(
        self, records: Mapping[str, Any] | Sequence[Mapping[str, Any]], *, all_reasons: bool = False
    ) -> dict[str, Any] | list[dict[str, Any]]:
        """Score one customer or a list of them.

        Parameters
        ----------
        records : mapping or sequence of mappings
            Column name to value. The id column is optional; the answer repeats it.
        all_reasons : bool
            List every feature's contribution, not only the three that push most towards leaving.

        Returns
        -------
        dict or list of dict
            ``churn_probability``, ``will_churn``, ``threshold``, ``risk``, ``reasons``, ``warnings``,
            ``model_version``; ``expected_profit`` if the bundle has money values; the id if given.

        Raises
        ------
        InvalidRecordsError
            If a value breaks the data contract; names record, column and code.
        ScoringError
            If the model gives a probability that is not a finite number.
        """
        if isinstance(records, Mapping):
            return self.answer([records], self.encode([records]), all_reasons=all_reasons)[0]
        records = list(records)
        return self.answer(records, self.encode(records), all_reasons=all_reasons)

    def encode(self, records: Sequence[Mapping[str, Any]]) -> npt.NDArray[np.float32]:
        """Encode customers given as records: the first half of `predict`.

        Returns
        -------
        ndarray of float32, shape (records, features)

        Raises
        ------
        InvalidRecordsError
            If a value breaks the data contract; names record, column and code.
        """
        return _sound_matrix(self._encoder.encode_records(records))

    def answer(
        self,
        records: Sequence[Mapping[str, Any]],
        matrix: npt.NDArray[np.float32],
        *,
        all_reasons: bool = False,
    ) -> list[dict[str, Any]]:
        """Score and describe encoded customers: the second half of `predict`.

        Raises
        ------
        ScoringError
            If the model gives a probability that is not a finite number.
        """
        return self._answers.write(records, matrix, self.score_matrix(matrix), all_reasons)

    def predict_columns(self, columns: Mapping[str, Sequence[Any]]) -> Scores:
        """Score customers given column by column.

        Parameters
        ----------
        columns : mapping
            Column name to values, all of one length; columns that the contract does not name are ignored.

        Raises
        ------
        InvalidRecordsError
            If a column is missing or a value breaks the data contract.
        ScoringError
            If the model gives a probability that is not a finite number.
        """
        names = self.contract.columns
        rows = len(columns[names[0]]) if names[0] in columns else 0
        complete = {name: columns.get(name, [None] * rows) for name in names}
        if len({len(values) for values in complete.values()}) > 1:
            raise ValueError("columns must all have the same length")
        scores = self.score_matrix(_sound_matrix(self._encoder.encode_columns(complete, rows)))
        require_probabilities(scores)
        return scores

    def _check_signature(self) -> None:
        inputs = self._session.get_inputs()
        width = len(self.contract.features)
        if (
            [i.name for i in inputs] != ["features"]
            or inputs[0].shape[1] != width
            or inputs[0].type != "tensor(float)"
            or [output.name for output in self._session.get_outputs()] != _OUTPUTS
        ):
            raise BundleError("model.onnx does not fit the bundle's data contract; train the model again.")

    def _check_golden_rows(self) -> None:
        for golden in self.bundle.manifest["golden_rows"]:
            answer = self.predict(dict(golden["record"]))
            expected = golden["churn_probability"]
            # Bundles of earlier versions do not record the risk.
            decided = {name: golden[name] for name in ("will_churn", "risk") if name in golden}
            # `not (x <= tolerance)` also rejects NaN.
            if not abs(answer["churn_probability"] - expected) <= TOLERANCE or any(
                answer[name] != value for name, value in decided.items()
            ):
                raise BundleError(
                    "model.onnx does not give the scores of the bundle's golden rows; train the model again."
                )


def _sound_matrix(encoded: EncodedRecords) -> npt.NDArray[np.float32]:
    if encoded.faults:
        raise InvalidRecordsError(encoded.faults)
    return encoded.matrix
