"""Answers about scored customers, as dicts: the same for the library, the command line and the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from churn_core.schema import CategoryFeature
from churn_core.scoring.bundle import RISKS
from churn_core.scoring.reason_groups import merge_contributions, reason_groups
from churn_core.scoring.reason_words import ReasonText, effect_of, strength_of
from churn_core.scoring.reasons import find_keeping, rank_reasons
from churn_core.scoring.records.values import answered_id
from churn_core.scoring.scores import require_probabilities
from churn_core.scoring.value_warnings import ValueWarnings

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
        self._value_warnings = ValueWarnings(bundle.contract)
        # No value equals NaN: a number is never unknown, and its missing value is found by isnan.
        codes = [
            (feature.unknown_code, feature.missing_code)
            if isinstance(feature, CategoryFeature)
            else (np.nan, np.nan)
            for feature in bundle.contract.features
        ]
        self._unknown_codes, self._missing_codes = np.array(codes, dtype=np.float32).T
        self._groups = reason_groups(bundle.contract)
        self._text = None if bundle.output is None else ReasonText(bundle.contract, bundle.output.words)

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
            The customers as given; the id and the values of reasons are taken from them.
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
        contributions = scores.contributions
        if not all_reasons:
            contributions = merge_contributions(contributions, self._groups)
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
                self._reasons(records, matrix, contributions, all_reasons),
                strict=True,
            )
        ]
        for row, name in self._value_warnings.of_rows(matrix):
            answers[row]["warnings"].append(name)
        if self._text is not None:
            for answer, keeps in zip(answers, self._keeps(records, matrix, contributions), strict=True):
                answer["keeps"] = keeps
        if bundle.money is not None:
            profits = bundle.money.expected_profit(scores.probability).tolist()
            for answer, profit in zip(answers, profits, strict=True):
                answer["expected_profit"] = profit
        return answers

    def _reasons(
        self,
        records: Sequence[Mapping[str, Any]],
        matrix: npt.NDArray[np.float32],
        contributions: npt.NDArray[np.float32],
        all_reasons: bool,
    ) -> list[list[dict[str, Any]]]:
        ranked = rank_reasons(contributions, all_reasons)
        values = matrix[np.arange(len(matrix))[:, None], ranked.positions]
        kinds = self._kinds(ranked.positions, values)
        return [
            [self._reason(record, *entry) for entry in zip(*row, strict=True)][:count]
            for record, *row, count in zip(
                records,
                ranked.positions.tolist(),
                values.tolist(),
                kinds.tolist(),
                ranked.contributions.tolist(),
                ranked.counts.tolist(),
                strict=True,
            )
        ]

    def _kinds(
        self, positions: npt.NDArray[np.int64], codes: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.int64]:
        """Return the position in `VALUE_KINDS` of each encoded value."""
        kinds = np.where(codes == self._unknown_codes[positions], _UNKNOWN, 0)
        kinds[(codes == self._missing_codes[positions]) | np.isnan(codes)] = _MISSING
        return kinds

    def _reason(
        self, record: Mapping[str, Any], position: int, code: float, kind: int, contribution: float
    ) -> dict[str, Any]:
        reason = {
            "feature": self._names[position],
            "value_kind": VALUE_KINDS[kind],
            "contribution": contribution,
        }
        # Answers of bundles of earlier versions stay as they were.
        if self._text is None:
            return reason
        return reason | {
            "label": self._text.label(position),
            "value": None if kind == _MISSING else self._value(record, position, code),
            "effect": effect_of(contribution),
            "strength": strength_of(contribution),
            "text": self._text.sentence(position, code, contribution),
        }

    def _value(self, record: Mapping[str, Any], position: int, code: float) -> Any:
        """Return the caller's own value; of a feature that is computed from dates, the number of days."""
        feature = self._bundle.contract.features[position]
        if isinstance(feature, CategoryFeature) or feature.days is None:
            value = record.get(feature.name)
            return value.item() if isinstance(value, np.generic) else value
        return int(code)

    def _keeps(
        self,
        records: Sequence[Mapping[str, Any]],
        matrix: npt.NDArray[np.float32],
        contributions: npt.NDArray[np.float32],
    ) -> list[dict[str, Any] | None]:
        """Return the reason against leaving of each customer; None where there is none."""
        positions, lowest = find_keeping(contributions)
        codes = matrix[np.arange(len(matrix)), positions]
        kinds = self._kinds(positions, codes)
        return [
            self._reason(record, *entry) if entry[-1] < 0 else None
            for record, *entry in zip(
                records, positions.tolist(), codes.tolist(), kinds.tolist(), lowest.tolist(), strict=True
            )
        ]
