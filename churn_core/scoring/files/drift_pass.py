"""Measure a file's drift by scoring it without writing an output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from churn_core.errors import BundleError
from churn_core.scoring.drift.profile import TrainingProfile
from churn_core.scoring.drift.report import DriftReport, compare
from churn_core.scoring.files.scoring_pass import BatchSettings, scoring_pass
from churn_core.scoring.parquet.faults import typed_memory_faults

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from churn_core.scoring.bundle import Bundle
    from churn_core.scoring.drift.counter import DriftCounts
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
    check_profile(predictor.bundle)
    settings = settings or BatchSettings()
    return report_drift([count_drift(source, predictor, settings, progress)], predictor.bundle)


@dataclass(frozen=True, slots=True)
class CountedFile:
    """The counts of a file that was scored only to be counted.

    Attributes
    ----------
    counts : DriftCounts
    rejected : int
        Rows that were not scored.
    labelled : bool
        Whether the file has the target column.
    """

    counts: DriftCounts
    rejected: int
    labelled: bool


def count_drift(
    source: Path,
    predictor: ChurnPredictor,
    settings: BatchSettings,
    progress: Callable[[int, int], None] | None = None,
) -> CountedFile:
    """Score every row of a Parquet file, and count its values and scores.

    Parameters and errors are those of `measure_drift`.
    """
    with typed_memory_faults(), scoring_pass(source, predictor, settings, progress) as running:
        running.stream.drain()
        running.check_complete()
        if running.table is not None:
            running.table.refuse_malformed()
        counts = running.stream.drift_counts
        labelled = running.has_column(predictor.contract.target)
    if counts is None:
        raise _no_profile()
    return CountedFile(counts, sum(running.stream.rejects.values()), labelled)


def report_drift(files: Sequence[CountedFile], bundle: Bundle) -> MeasuredDrift:
    """Compare the files of one table, at least one, with training."""
    profile = check_profile(bundle)
    whole = files[0].counts
    for file in files[1:]:
        whole.add(file.counts)
    report = compare(bundle, profile, whole, rejected=sum(file.rejected for file in files))
    return MeasuredDrift(report, all(file.labelled for file in files))


def check_profile(bundle: Bundle) -> TrainingProfile:
    """Return a bundle's training profile.

    Raises
    ------
    BundleError
        If it has none of the current format.
    """
    profile = TrainingProfile.from_bundle(bundle)
    if profile is None:
        raise _no_profile()
    return profile


def _no_profile() -> BundleError:
    return BundleError("The bundle has no training profile to compare with; train the model again.")
