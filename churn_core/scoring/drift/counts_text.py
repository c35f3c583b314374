"""Drift counts as JSON text, for the footer of an output; counts of several files can be added up.

Scores are counted by step, without empty steps. This limits the text to about 20 kB plus the columns'
counts.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from churn_core.errors import REJECT_CODES
from churn_core.scoring.drift.counter import DriftCounts
from churn_core.scoring.drift.score_counts import SCORE_STEPS, ScoreCounts
from churn_core.scoring.money import Flagged

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from churn_core.schema import Contract
    from churn_core.scoring.drift.profile import TrainingProfile

    Counts = npt.NDArray[np.int64]

FORMAT: Final = 1
"""Version of the text's layout."""

_LARGEST: Final = 2**53


class DriftCountsError(ValueError):
    """The text does not hold counts by the intervals of this model's profile."""


def drift_counts_text(counts: DriftCounts) -> str:
    """Write counts as compact JSON; the same counts give the same text."""
    scores = counts.scores
    used = np.flatnonzero(scores.rows)
    content = {
        "format": FORMAT,
        "columns": [column.tolist() for column in counts.columns],
        "intervals": counts.intervals.tolist(),
        "refused": {
            name: dict(sorted(codes.items())) for name, codes in sorted(counts.refused.items()) if codes
        },
        "scores": np.stack([used, scores.rows[used], scores.millionths[used]], axis=1).tolist(),
        "flagged": [scores.flagged.customers, scores.flagged.millionths],
    }
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def read_drift_counts(text: str, contract: Contract, profile: TrainingProfile) -> DriftCounts:
    """Read the text of `drift_counts_text`, and check that it fits the model's profile.

    Raises
    ------
    DriftCountsError
        If the text holds no counts, has another format, or does not fit the profile.
    """
    try:
        content = json.loads(text)
        if content["format"] != FORMAT:
            raise DriftCountsError("the counts have another format")
        columns = content["columns"]
        if len(columns) != len(profile.columns):
            raise DriftCountsError("the counts are for other columns")
        return DriftCounts(
            columns=[
                _counts(column, len(known.counts))
                for column, known in zip(columns, profile.columns, strict=True)
            ],
            intervals=_counts(content["intervals"], len(profile.scores.counts)),
            scores=_scores(content["scores"], content["flagged"]),
            refused=_refused(content["refused"], contract),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        if isinstance(error, DriftCountsError):
            raise
        raise DriftCountsError("the text does not hold drift counts") from error


def _counts(values: Sequence[Any], length: int) -> Counts:
    if len(values) != length or not all(_is_count(value) for value in values):
        raise DriftCountsError("the counts do not fit the intervals of this model")
    return np.array(values, dtype=np.int64)


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < _LARGEST


def _scores(steps: Sequence[Any], flagged: Sequence[Any]) -> ScoreCounts:
    scores = ScoreCounts()
    for step, rows, millionths in (_counts(triple, 3).tolist() for triple in steps):
        if step > SCORE_STEPS:
            raise DriftCountsError("a score is above 1")
        scores.rows[step] += rows
        scores.millionths[step] += millionths
    scores.flagged = Flagged(*_counts(flagged, 2).tolist())
    return scores


def _refused(content: dict[str, dict[str, Any]], contract: Contract) -> dict[str, Counter[str]]:
    refused = {name: Counter(codes) for name, codes in content.items()}
    for name, codes in refused.items():
        known = name in contract.names and set(codes) <= set(REJECT_CODES)
        if not known or not all(_is_count(rows) for rows in codes.values()):
            raise DriftCountsError("the counts name a column or a reject code that this model does not have")
    return refused
