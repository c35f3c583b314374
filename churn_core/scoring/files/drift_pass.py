"""Measure a file's drift by scoring it without writing an output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from churn_core.errors import BundleError
from churn_core.scoring.drift.profile import TrainingProfile
from churn_core.scoring.files.scoring_pass import BatchSettings, scoring_pass
from churn_core.scoring.parquet.faults import typed_memory_faults

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from churn_core.scoring.drift.report import DriftReport
    from churn_core.scoring.predictor import ChurnPredictor


@dataclass(frozen=True, slots=True)
class MeasuredDrift:
    """A file's drift.

    Attributes
    ----------
    report : DriftReport
    labelled : bool
        Whether the file has the target column, so that its scores could be evaluated.
    """

    report: DriftReport
    labelled: bool


def measure_drift(
    source: Path,
    predictor: ChurnPredictor,
    settings: BatchSettings | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> MeasuredDrift:
    """Score every row of a Parquet file, and compare its columns and scores with training.

    Parameters and errors are those of `churn_core.scoring.files.score_file.score_file`. Also raises
    `BundleError` if the bundle has no training profile of the current format.
    """
    no_profile = "The bundle has no training profile to compare with; train the model again."
    if TrainingProfile.from_bundle(predictor.bundle) is None:
        raise BundleError(no_profile)
    with (
        typed_memory_faults(),
        scoring_pass(source, predictor, settings or BatchSettings(), progress) as running,
    ):
        running.stream.drain()
        running.check_complete()
        report = running.stream.drift_report()
        labelled = predictor.contract.target in running.layout.types
    if report is None:
        raise BundleError(no_profile)
    return MeasuredDrift(report, labelled)
