"""What ``churn score`` says about the rows that it has scored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from churn_core.cli.tables import SAME_TABLE
from churn_core.errors import RejectsError

if TYPE_CHECKING:
    from churn_core.schema import Contract
    from churn_core.scoring.bundle import Bundle
    from churn_core.scoring.files.score_file import BatchResult

LOUD_SHARE: Final = 0.01
"""From more than this share of rejected rows on, a command says so first."""

_NAMED_COLUMNS: Final = 4
_NO_ID: Final = (
    "The model has no id column, so only row_number identifies a customer; set data.id and train again"
    " to have their ids in scored files."
)


def result_lines(result: BatchResult, seconds: float, bundle: Bundle) -> list[str]:
    """Describe how many rows were scored, rejected, and reach the threshold."""
    from churn_core.cli.decision_text import contact_text

    return [
        *loud_rejects(result),
        *training_notes(result),
        f"Scored {result.scored:,} of {result.rows:,} rows in {seconds:.1f} s"
        f" ({result.rows / seconds:,.0f} rows/s); {result.rejected:,} rejected.",
        *count_lines(result),
        contact_text(result, bundle.threshold, bundle.money),
    ]


def loud_rejects(result: BatchResult) -> list[str]:
    """Say first that many rows were rejected; nothing for up to a hundredth of them."""
    if result.rejected <= LOUD_SHARE * result.rows:
        return []
    codes = ", ".join(f"{count:,} as {code}" for code, count in result.rejects.items())
    return [
        f"Warning: {result.rejected:,} of {result.rows:,} rows ({result.rejected / result.rows:.1%}) were"
        f" rejected ({codes}) and have no score; the column reject_column says why."
    ]


def training_notes(result: BatchResult) -> list[str]:
    """Say that the scored rows are those of training."""
    return [SAME_TABLE] if result.training_table else []


def check_rejects(result: BatchResult, share: float | None) -> None:
    """Fail if more rows were rejected than ``--fail-on-rejects`` allows.

    Raises
    ------
    RejectsError
        After the output was written.
    """
    if share is not None and result.rejected > share * result.rows:
        raise RejectsError(
            f"{result.rejected:,} of {result.rows:,} rows were rejected, more than --fail-on-rejects"
            f" {share:g} allows; the output is complete, and its column reject_column says why."
        )


def count_lines(result: BatchResult) -> list[str]:
    """Describe rejects and unexpected values."""
    return [
        *(f"  {count:,} rows rejected as {code}" for code, count in result.rejects.items()),
        *_warning_lines("an unknown category", "unknown categories", result.unknown),
        *_warning_lines("an unexpectedly missing value", "unexpectedly missing values", result.missing),
        *_warning_lines("a number outside the expected range", "unexpected numbers", result.unexpected),
    ]


def _warning_lines(one: str, many: str, rows: dict[str, int]) -> list[str]:
    if len(rows) <= _NAMED_COLUMNS:
        return [f"  {count:,} rows with {one} in {name}" for name, count in rows.items()]
    most = sorted(rows, key=lambda name: -rows[name])[:_NAMED_COLUMNS]
    named = ", ".join(f"{name} ({rows[name]:,} rows)" for name in most)
    return [f"  {many} in {len(rows)} columns, most in {named}"]


def id_lines(contract: Contract) -> list[str]:
    """Say that a model has no id column; nothing if it has one."""
    return [_NO_ID] if contract.id_column is None else []


def drift_lines(result: BatchResult) -> list[str]:
    """Describe the drift in a line; none if it was not measured."""
    if result.drift is None:
        return []
    if 2 * result.rejected > result.rows:
        return ["Drift: not judged, because most rows were rejected; fix these rows first."]
    return [_drift_line(result.drift)]


def _drift_line(drift: dict[str, Any]) -> str:
    moved = [*drift["moved"], *(["the scores"] if drift["scores"]["level"] != "stable" else [])]
    if not moved:
        return "Drift: none; columns and scores are distributed as in training."
    named = ", ".join(moved[:_NAMED_COLUMNS]) + (", ..." if len(moved) > _NAMED_COLUMNS else "")
    return f"Drift: {drift['verdict']}, in {named}; run 'churn drift' on the same file for details."
