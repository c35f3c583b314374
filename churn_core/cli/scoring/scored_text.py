"""What ``churn score`` says about the rows that it has scored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from churn_core.schema import Contract
    from churn_core.scoring.files.score_file import BatchResult

_NAMED_COLUMNS: Final = 4
_NO_ID: Final = (
    "The model has no id column, so only row_number identifies a customer; set data.id and train again"
    " to have their ids in scored files."
)


def result_lines(result: BatchResult, seconds: float, threshold: float) -> list[str]:
    """Describe how many rows were scored, rejected, and reach the threshold."""
    from churn_core.cli.decision_text import contact_text

    return [
        f"Scored {result.scored:,} of {result.rows:,} rows in {seconds:.1f} s"
        f" ({result.rows / seconds:,.0f} rows/s); {result.rejected:,} rejected.",
        *count_lines(result),
        contact_text(result, threshold),
    ]


def count_lines(result: BatchResult) -> list[str]:
    """Describe rejects and unknown categories."""
    return [
        *(f"  {count:,} rows rejected as {code}" for code, count in result.rejects.items()),
        *_unknown_lines(result.unknown),
    ]


def _unknown_lines(unknown: dict[str, int]) -> list[str]:
    if len(unknown) <= _NAMED_COLUMNS:
        return [f"  {count:,} rows with an unknown category in {name}" for name, count in unknown.items()]
    most = sorted(unknown, key=lambda name: -unknown[name])[:_NAMED_COLUMNS]
    named = ", ".join(f"{name} ({unknown[name]:,} rows)" for name in most)
    return [f"  unknown categories in {len(unknown)} columns, most in {named}"]


def id_lines(contract: Contract) -> list[str]:
    """Say that a model has no id column; nothing if it has one."""
    return [_NO_ID] if contract.id_column is None else []


def drift_lines(result: BatchResult) -> list[str]:
    """Describe the drift in a line; none if it was not measured."""
    return [] if result.drift is None else [_drift_line(result.drift)]


def _drift_line(drift: dict[str, Any]) -> str:
    moved = [*drift["moved"], *(["the scores"] if drift["scores"]["level"] != "stable" else [])]
    if not moved:
        return "Drift: none; columns and scores are distributed as in training."
    named = ", ".join(moved[:_NAMED_COLUMNS]) + (", ..." if len(moved) > _NAMED_COLUMNS else "")
    return f"Drift: {drift['verdict']}, in {named}; run 'churn drift' on the same file for details."
