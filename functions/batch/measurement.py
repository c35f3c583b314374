"""What is told of each object: one line of the log, and CloudWatch metrics."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from aws_lambda_powertools.metrics import MetricUnit, single_metric

from functions.shared.environment import NAMESPACE
from functions.shared.outcomes import Action, Outcome

if TYPE_CHECKING:
    from aws_lambda_powertools import Metrics

    from functions.batch.delivery import Handled
    from functions.batch.scoring_task import ScoredFile

SERVICE: Final = os.environ.get("POWERTOOLS_SERVICE_NAME") or "churn-batch"
"""The metrics' dimension, which tells stacks of one account apart."""


def log_fields(handled: Handled) -> dict[str, Any]:
    """Return what the log tells of an object; neither its key nor a cell is part of it."""
    result = handled.result
    fields: dict[str, Any] = {
        "action": handled.action,
        "stage": result.stage,
        "detail": result.message or None,
        "input_id": None if result.source is None else result.source.input_id,
        "output_key": result.output_key,
        "input_bytes": result.input_bytes,
        "output_bytes": result.output_bytes,
        "seconds": {phase: round(seconds, 3) for phase, seconds in result.seconds.items()},
    }
    if result.file is not None:
        file = result.file
        fields |= {"rows": file.rows, "scored": file.scored, "rejected": file.rejected}
        fields["reader_peak_kilobytes"] = file.peak_kilobytes
        if file.drift is not None:
            fields |= {"drift": file.drift["verdict"], "moved": file.drift["moved"]}
    return fields


def add_metrics(metrics: Metrics, handled: Handled) -> None:
    """Hand one object's measurement to CloudWatch's embedded metric format.

    Parameters
    ----------
    metrics : Metrics
        Flushed by its own decorator.
    handled : Handled
    """
    result = handled.result
    if handled.action is Action.QUARANTINED:
        metrics.add_metric("Quarantined", MetricUnit.Count, 1)
        _counted_by("QuarantinedByCode", "code", result.outcome, 1)
    elif handled.action is Action.RETRIED:
        metrics.add_metric("Retried", MetricUnit.Count, 1)
        _counted_by("RetriedByReason", "reason", result.outcome, 1)
    elif handled.action is Action.NO_OP:
        _counted_by("Skipped", "reason", result.outcome, 1)
    if result.outcome is Outcome.DIVERGENT_OUTPUT:
        metrics.add_metric("DivergentOutput", MetricUnit.Count, 1)
    if result.outcome is Outcome.FOREIGN:
        metrics.add_metric("ForeignObjects", MetricUnit.Count, 1)
    for phase, seconds in result.seconds.items():
        metrics.add_metric(f"{phase}Time", MetricUnit.Milliseconds, round(seconds * 1_000, 3))
    if handled.action is Action.SCORED and result.file is not None:
        metrics.add_metric("InputBytes", MetricUnit.Bytes, result.input_bytes)
        metrics.add_metric("OutputBytes", MetricUnit.Bytes, result.output_bytes)
        _add_rows(metrics, result.file, sum(result.seconds.values()))


def _add_rows(metrics: Metrics, file: ScoredFile, seconds: float) -> None:
    metrics.add_metric("ScoredFiles", MetricUnit.Count, 1)
    metrics.add_metric("ScoredRows", MetricUnit.Count, file.scored)
    metrics.add_metric("RejectedRows", MetricUnit.Count, file.rejected)
    metrics.add_metric("PredictedChurners", MetricUnit.Count, file.will_churn)
    metrics.add_metric("UnknownCategories", MetricUnit.Count, sum(file.unknown.values()))
    metrics.add_metric("RowsPerSecond", MetricUnit.CountPerSecond, round(file.rows / max(seconds, 1e-3), 1))
    metrics.add_metric("ReaderPeakMemory", MetricUnit.Kilobytes, file.peak_kilobytes)
    for code, rows in file.rejects.items():
        _counted_by("RejectedRowsByCode", "code", code, rows)
    if file.drift is not None:
        # By column the figures are in the output's footer: each value of a dimension is paid for.
        largest = max((column["psi"] or 0 for column in file.drift["columns"].values()), default=0)
        metrics.add_metric("DriftedFiles", MetricUnit.Count, int(file.drift["verdict"] != "stable"))
        metrics.add_metric("DriftedColumns", MetricUnit.Count, len(file.drift["moved"]))
        metrics.add_metric("LargestColumnDrift", MetricUnit.NoUnit, largest)
        metrics.add_metric("ScoreDrift", MetricUnit.NoUnit, file.drift["scores"]["psi"] or 0)


def _counted_by(name: str, dimension: str, value: str, count: int) -> None:
    """Count by the members of a closed set; a metric of its own, since a dimension binds the whole set."""
    with single_metric(
        name, MetricUnit.Count, count, namespace=NAMESPACE, default_dimensions={"service": SERVICE}
    ) as one:
        one.add_dimension(dimension, value)
