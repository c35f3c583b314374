"""The log line and the CloudWatch metrics of each object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from aws_lambda_powertools.metrics import MetricUnit, single_metric

from functions.shared.environment import NAMESPACE, service_name
from functions.shared.outcomes import Action, Outcome

if TYPE_CHECKING:
    from aws_lambda_powertools import Metrics

    from functions.batch.delivery import Handled
    from functions.batch.scoring_task import ScoredFile

SERVICE: Final = service_name("churn-batch")


def log_fields(handled: Handled) -> dict[str, Any]:
    """Return the fields of an object's log line; they contain no input key and no customer's value."""
    result = handled.result
    fields: dict[str, Any] = {
        "action": handled.action,
        "stage": result.stage,
        "detail": result.message or None,
        "input_id": None if result.source is None else result.source.input_id,
        "output_key": result.output_key,
        "input_bytes": result.input_bytes,
        "output_bytes": result.output_bytes,
        "announcement_fault": result.announcement_fault,
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
    """Add one object's metrics.

    Parameters
    ----------
    metrics : Metrics
        Its decorator on the handler writes them in CloudWatch's embedded metric format.
    handled : Handled
    """
    result = handled.result
    if handled.action is Action.QUARANTINED:
        metrics.add_metric("Quarantined", MetricUnit.Count, 1)
        _count_by("QuarantinedByCode", "code", result.outcome, 1)
    elif handled.action is Action.RETRIED:
        metrics.add_metric("Retried", MetricUnit.Count, 1)
        _count_by("RetriedByReason", "reason", result.outcome, 1)
    elif handled.action is Action.NO_OP:
        _count_by("Skipped", "reason", result.outcome, 1)
    if result.outcome is Outcome.DIVERGENT_OUTPUT:
        metrics.add_metric("DivergentOutput", MetricUnit.Count, 1)
    if result.outcome is Outcome.FOREIGN:
        metrics.add_metric("ForeignObjects", MetricUnit.Count, 1)
    if result.announcement_fault is not None:
        metrics.add_metric("AnnouncementFailed", MetricUnit.Count, 1)
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
    metrics.add_metric("ValueWarnings", MetricUnit.Count, sum(file.warnings.values()))
    metrics.add_metric("RowsPerSecond", MetricUnit.CountPerSecond, round(file.rows / max(seconds, 1e-3), 1))
    metrics.add_metric("ReaderPeakMemory", MetricUnit.Kilobytes, file.peak_kilobytes)
    for code, rows in file.rejects.items():
        _count_by("RejectedRowsByCode", "code", code, rows)
    if file.drift is not None:
        # Not by column: CloudWatch charges for each value of a dimension. The output's footer has them.
        largest = max((column["psi"] or 0 for column in file.drift["columns"].values()), default=0)
        metrics.add_metric("DriftedFiles", MetricUnit.Count, int(file.drift["verdict"] != "stable"))
        metrics.add_metric("DriftedColumns", MetricUnit.Count, len(file.drift["moved"]))
        metrics.add_metric("LargestColumnDrift", MetricUnit.NoUnit, largest)
        metrics.add_metric("ScoreDrift", MetricUnit.NoUnit, file.drift["scores"]["psi"] or 0)


def _count_by(name: str, dimension: str, value: str, count: int) -> None:
    """Add a count with one more dimension, whose values are a closed set.

    Powertools applies a dimension to all metrics of a set, so this is a set of its own.
    """
    with single_metric(
        name, MetricUnit.Count, count, namespace=NAMESPACE, default_dimensions={"service": SERVICE}
    ) as metric:
        metric.add_dimension(dimension, value)
