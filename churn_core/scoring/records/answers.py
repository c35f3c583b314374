"""What is said of a scored customer, wherever one is scored by record: library, command line and API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from churn_core.schema import CategoryFeature
from churn_core.scoring.reasons import TOP_REASONS, ranked_reasons
from churn_core.scoring.scores import require_probabilities

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from churn_core.scoring.bundle import Bundle
    from churn_core.scoring.scores import Scores

_KNOWN, _UNKNOWN, _MISSING = range(3)
VALUE_KINDS: Final = ("known", "unknown", "missing")
"""What a value was to the model, by code."""

_MANY: Final = 8
"""Customers from which on describing them by arrays is the shorter way."""

Explained = tuple[list[list[dict[str, Any]]], list[list[str]]]
"""Reasons and warnings of each customer."""

_KIND_ARRAY: Final = np.array(VALUE_KINDS, dtype=object)


class AnswerWriter:
    """Says of scored customers what the bundle decides of them.

    Parameters
    ----------
    bundle : Bundle
        With contract, threshold, risk bands and, where it has them, money values.
    """

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._names = bundle.contract.names
        self._name_array = np.array(self._names, dtype=object)
        # NaN equals nothing: a number is never unknown, and its missing value is NaN itself.
        self._codes = [
            (float(feature.unknown_code), float(feature.missing_code))
            if isinstance(feature, CategoryFeature)
            else (np.nan, np.nan)
            for feature in bundle.contract.features
        ]
        self._unknown_codes, self._missing_codes = np.array(self._codes, dtype=np.float32).T

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
            As they were given; only the id is taken from them.
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
        explain = self._explain_few if len(records) < _MANY else self._explain_many
        reasons, warnings = explain(matrix, scores.contributions, all_reasons)
        answers = [
            {
                **identified,
                "churn_probability": probability,
                "will_churn": probability >= bundle.threshold,
                "threshold": bundle.threshold,
                "risk": bundle.risk(probability),
                "reasons": own_reasons,
                "warnings": own_warnings,
                "model_version": bundle.model_version,
            }
            for identified, probability, own_reasons, own_warnings in zip(
                self._identified(records), scores.probability.tolist(), reasons, warnings, strict=True
            )
        ]
        if bundle.money is not None:
            profits = bundle.money.expected_profit(scores.probability).tolist()
            for answer, profit in zip(answers, profits, strict=True):
                answer["expected_profit"] = profit
        return answers

    def _identified(self, records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return the id of each record that has one, by its column's name."""
        name = self._bundle.contract.id_column
        return [{name: record[name]} if name is not None and name in record else {} for record in records]

    def _explain_few(
        self, matrix: npt.NDArray[np.float32], contributions: npt.NDArray[np.float32], all_reasons: bool
    ) -> Explained:
        """Find reasons and warnings row by row: arrays of a row or two cost more than they save."""
        reasons, warnings = [], []
        for values, parts in zip(matrix.tolist(), contributions.tolist(), strict=True):
            # Stable in reverse too, so that ties stay in contract order.
            order = sorted(range(len(parts)), key=parts.__getitem__, reverse=True)
            if not all_reasons:
                order = [position for position in order[:TOP_REASONS] if parts[position] > 0]
            reasons.append(
                [
                    {
                        "feature": self._names[position],
                        "value_kind": self._kind(position, values[position]),
                        "contribution": round(parts[position] * 1e6) / 1e6,
                    }
                    for position in order
                ]
            )
            codes = zip(self._names, values, self._codes, strict=True)
            warnings.append([name for name, value, (unknown, _) in codes if value == unknown])
        return reasons, warnings

    def _kind(self, position: int, value: float) -> str:
        unknown, missing = self._codes[position]
        if value == unknown:
            return VALUE_KINDS[_UNKNOWN]
        return VALUE_KINDS[_MISSING if value == missing or value != value else _KNOWN]

    def _explain_many(
        self, matrix: npt.NDArray[np.float32], contributions: npt.NDArray[np.float32], all_reasons: bool
    ) -> Explained:
        ranked = ranked_reasons(contributions, all_reasons)
        unknown = matrix == self._unknown_codes
        kinds = np.where(unknown, _UNKNOWN, _KNOWN)
        kinds[(matrix == self._missing_codes) | np.isnan(matrix)] = _MISSING
        reasons = [
            [
                {"feature": feature, "value_kind": kind, "contribution": contribution}
                for feature, kind, contribution in zip(*row, strict=True)
            ][:count]
            for *row, count in zip(
                self._name_array[ranked.positions].tolist(),
                _KIND_ARRAY[np.take_along_axis(kinds, ranked.positions, axis=1)].tolist(),
                ranked.contributions.tolist(),
                ranked.counts.tolist(),
                strict=True,
            )
        ]
        warnings: list[list[str]] = [[] for _ in reasons]
        for row, position in zip(*(places.tolist() for places in np.nonzero(unknown)), strict=True):
            warnings[row].append(self._names[position])
        return reasons, warnings
