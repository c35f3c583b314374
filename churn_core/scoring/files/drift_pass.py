"""Measure a file's drift: the pass of batch scoring, without its output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from churn_core.errors import BundleError
from churn_core.scoring.drift.profile import TrainingProfile
from churn_core.scoring.files.scoring_pass import BatchSettings, scoring_pass

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from churn_core.scoring.drift.report import DriftReport
    from churn_core.scoring.predictor import ChurnPredictor


@dataclass(frozen=True, slots=True)
class MeasuredDrift:
    """A file's drift, and whether it has the labels by which its scores could be measured."""

    report: DriftReport
    labelled: bool


def measure_drift(
    source: Path,
    predictor: ChurnPredictor,
    settings: BatchSettings | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> MeasuredDrift:
    """Score every row of a Parquet file, and compare columns and scores with training's.

    Parameters and errors are those of `churn_core.scoring.files.score_file.score_file`; `BundleError` also if
    the bundle holds no training profile of today's format.
    """
    missing = "The bundle has no training profile to compare with; train the model again."
    if TrainingProfile.from_bundle(predictor.bundle) is None:
        raise BundleError(missing)
    with scoring_pass(source, predictor, settings or BatchSettings(), progress) as running:
        running.stream.drain()
        running.check_complete()
        report = running.stream.drift_report()
        labelled = predictor.contract.target in running.layout.types
    if report is None:
        raise BundleError(missing)
    return MeasuredDrift(report, labelled)
