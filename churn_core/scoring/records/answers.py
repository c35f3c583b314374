"""Answers about scored customers, as dicts: the same for the library, the command line and the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from churn_core.schema import CategoryFeature
from churn_core.scoring.bundle import RISKS
from churn_core.scoring.reasons import rank_reasons
from churn_core.scoring.records.values import answered_id
from churn_core.scoring.scores import require_probabilities

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from churn_core.scoring.bundle import Bundle
    from churn_core.scoring.scores import Scores

_UNKNOWN, _MISSING = 1, 2
VALUE_KINDS: Final = ("known", "unknown", "missing")
"""What a value was to the model, by code."""


class AnswerWriter:
    """Describes scored customers.

    Parameters
    ----------
    bundle : Bundle
        With contract, threshold, risk bands and, where it has them, money values.
    """

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._names = bundle.contract.names
        # No value equals NaN: a number is never unknown, and its missing value is found by isnan.
        codes = [
            (feature.unknown_code, feature.missing_code)
            if isinstance(feature, CategoryFeature)
            else (np.nan, np.nan)
            for feature in bundle.contract.features
        ]
        self._unknown_codes, self._missing_codes = np.array(codes, dtype=np.float32).T

    def write(
        self,
        records: Sequence[Mapping[str, Any]],
        matrix: npt.NDArray[np.float32],
        scores: Scores,
        all_reasons: bool = False,
    ) -> list[dict[str, Any]]:
        """Describe each customer.

        Parameters
        ----------
        records : sequence of mappings
            The customers as given; only the id is taken from them.
        matrix : ndarray of float32, shape (records, features)
            The records encoded.
        scores : Scores
            Of the matrix.
        all_reasons : bool
            List every feature, not only those that push most towards leaving.

        Raises
        ------
        ScoringError
            If a probability is not finite.
        """
        require_probabilities(scores)
        bundle = self._bundle
        id_column = bundle.contract.id_column
        answers = [
            {
                **({id_column: answered_id(record[id_column])} if id_column and id_column in record else {}),
                "churn_probability": probability,
                "will_churn": probability >= bundle.threshold,
                "threshold": bundle.threshold,
                "risk": RISKS[risk],
                "reasons": reasons,
                "warnings": [],
                "model_version": bundle.model_version,
            }
            for record, probability, risk, reasons in zip(
                records,
                scores.probability.tolist(),
                bundle.risk_levels(scores.probability).tolist(),
                self._reasons(matrix, scores.contributions, all_reasons),
                strict=True,
            )
        ]
        for row, position in np.argwhere(matrix == self._unknown_codes).tolist():
            answers[row]["warnings"].append(self._names[position])
        if bundle.money is not None:
            profits = bundle.money.expected_profit(scores.probability).tolist()
            for answer, profit in zip(answers, profits, strict=True):
                answer["expected_profit"] = profit
        return answers

    def _reasons(
        self, matrix: npt.NDArray[np.float32], contributions: npt.NDArray[np.float32], all_reasons: bool
    ) -> list[list[dict[str, Any]]]:
        ranked = rank_reasons(contributions, all_reasons)
        values = matrix[np.arange(len(matrix))[:, None], ranked.positions]
        kinds = (values == self._unknown_codes[ranked.positions]) * _UNKNOWN
        kinds[(values == self._missing_codes[ranked.positions]) | np.isnan(values)] = _MISSING
        return [
            [
                {
                    "feature": self._names[position],
                    "value_kind": VALUE_KINDS[kind],
                    "contribution": contribution,
                }
                for position, kind, contribution in zip(*row, strict=True)
            ][:count]
            for *row, count in zip(
                ranked.positions.tolist(),
                kinds.tolist(),
                ranked.contributions.tolist(),
                ranked.counts.tolist(),
                strict=True,
            )
        ]
