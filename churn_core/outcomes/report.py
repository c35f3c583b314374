"""What scores and a campaign were worth: the figures of ``churn outcomes``."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from churn_core.errors import DataError
from churn_core.outcomes.effect import CampaignEffect
from churn_core.outcomes.joined import Outcomes, join_outcomes, open_memory
from churn_core.outcomes.quality import measure_quality
from churn_core.outcomes.scored_files import CONTACT, CONTROL, readable
from churn_core.scoring.drift.performance_estimate import estimate_performance
from churn_core.scoring.drift.score_counts import ScoreCounts

if TYPE_CHECKING:
    from churn_core.outcomes.join_settings import JoinSettings
    from churn_core.scoring.bundle import Bundle
    from churn_core.sources.parts import PartedTable

FEWEST: Final = 100
"""Levels of a segment with fewer customers are measured together."""

OTHERS: Final = "(small levels)"
MEMORY_MB: Final = 600


@dataclass(frozen=True, slots=True)
class OutcomesReport:
    """The figures of ``churn outcomes``.

    Attributes
    ----------
    counts : dict
        `JoinCounts.to_dict`.
    overall : dict
        `measure_quality`, and ``expected_roc_auc``: what the scores alone let expect.
    promised : dict
        Cross-validated metrics of training, by name, with ``mean``, ``low`` and ``high``.
    months, models : dict of dict
        `measure_quality` by month and by model version.
    segments : dict of dict of dict
        The same by column and level.
    campaign : dict or None
        `CampaignEffect.to_dict`, with ``name``.
    """

    counts: dict[str, int]
    overall: dict[str, Any]
    promised: dict[str, dict[str, float]]
    months: dict[str, dict[str, Any]]
    models: dict[str, dict[str, Any]]
    segments: dict[str, dict[str, dict[str, Any]]]
    campaign: dict[str, Any] | None

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON has them."""
        return {name: getattr(self, name) for name in self.__slots__}


def measure_outcomes(
    labels: Path, found: Path | PartedTable, bundle: Bundle, settings: JoinSettings, *, name: object
) -> OutcomesReport:
    """Join labels to scores and measure what came true.

    Parameters
    ----------
    labels : Path
        Who left, by id; and by day where the scores have several.
    found : Path or PartedTable
        Scored files, or what ``churn campaign`` wrote.
    bundle : Bundle
        Of the model: its target's labels, money values, threshold, and what training promised.
    settings : JoinSettings
    name : object
        How messages call the scored files.

    Raises
    ------
    DataError
        As `join_outcomes`; or if a group of the campaign has no customer with a label.
    """
    with (
        readable(name),
        tempfile.TemporaryDirectory(prefix="churn-") as folder,
        open_memory(Path(folder), MEMORY_MB) as connection,
    ):
        outcomes = join_outcomes(connection, labels, found, bundle.contract, settings, name=name)
        overall = _measure(outcomes, bundle)
        return OutcomesReport(
            counts=outcomes.counts.to_dict(),
            overall=overall,
            promised=bundle.manifest["metrics"]["cv"],
            months={month: _measure(outcomes, bundle, "month", month) for month in outcomes.parts("month")},
            models={
                version: _measure(outcomes, bundle, "model_version", version)
                for version in outcomes.parts("model_version")
            },
            segments={
                column: _by_level(outcomes, bundle, f"segment{place}")
                for place, column in enumerate(settings.segments)
            },
            campaign=None if settings.campaign is None else _effect(outcomes, bundle, settings.campaign),
        )


def _measure(outcomes: Outcomes, bundle: Bundle, by: str | None = None, value: str = "") -> dict[str, Any]:
    return _quality(outcomes.columns(by, value), bundle)


def _quality(columns: dict[str, Any], bundle: Bundle) -> dict[str, Any]:
    labels = np.asarray(columns["churned"], dtype=np.int64)
    scores = np.asarray(columns["score"], dtype=np.float64)
    flagged = np.asarray(columns["flagged"], dtype=np.bool_)
    measured = measure_quality(labels, scores, flagged, bundle.money)
    expected = estimate_performance(ScoreCounts.count(scores, bundle.threshold)).roc_auc
    return measured | {"expected_roc_auc": None if expected is None else round(expected, 6)}


def _by_level(outcomes: Outcomes, bundle: Bundle, segment: str) -> dict[str, dict[str, Any]]:
    small: list[dict[str, Any]] = []
    measured: dict[str, dict[str, Any]] = {}
    for level in outcomes.parts(segment):
        columns = outcomes.columns(segment, level)
        if len(columns["churned"]) < FEWEST:
            small.append(columns)
        else:
            measured[level] = _quality(columns, bundle)
    if small:
        together = {name: np.concatenate([columns[name] for columns in small]) for name in small[0]}
        measured[OTHERS] = _quality(together, bundle)
    return measured


def _effect(outcomes: Outcomes, bundle: Bundle, campaign: str) -> dict[str, Any]:
    groups = outcomes.groups()
    for group in (CONTACT, CONTROL):
        if group not in groups:
            raise DataError(
                f"Campaign {campaign!r} has nobody with a label in its group {group}, so its effect can't be"
                " measured; add their labels, or take the next campaign with another --control."
            )
    effect = CampaignEffect(*groups[CONTACT], *groups[CONTROL], bundle.money)
    return {"name": campaign, **effect.to_dict()}
