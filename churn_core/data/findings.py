"""Findings about a table: places and reasons, never a cell's value."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

Severity = Literal["error", "warning"]

EXAMPLE_ROWS: Final = 5
"""A finding names at most this many rows."""

NAMED_COLUMNS: Final = 3
"""A line about several columns names at most this many."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that a column, or the table as a whole, breaks.

    Attributes
    ----------
    column : str or None
        The column's name, which the contract knows; None for the whole table.
    rule : str
        One of `churn_core.errors.REJECT_CODES` for single values, or ``missing_column``,
        ``duplicate_column``, ``not_allowed``, ``unseen_value``, ``duplicate_id``, ``missing_id``,
        ``constant``, ``all_missing``, ``empty_table``, ``alike_names``, ``one_class``,
        ``unknown_label``, ``missing_label``, ``negative_days``; or a key of
        `churn_core.data.inspection.messages`.
    severity : 'error' or 'warning'
    count : int
        Number of rows concerned, or of columns if the rule is about columns.
    example_rows : tuple of int
        Up to five of the rows, counted from 0.
    message : str
        What is wrong and how to fix it; continues after the column's name and holds no value.
    """

    column: str | None
    rule: str
    severity: Severity
    count: int
    example_rows: tuple[int, ...]
    message: str

    @property
    def place(self) -> str:
        """The subject of the message."""
        return "The table" if self.column is None else f"Column {self.column!r}"

    def __str__(self) -> str:
        """Return the finding as one sentence."""
        return (
            f"{self.severity.capitalize()}: {self.place} {self.message} (count {self.count:,}; {self.rule})."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as plain JSON types."""
        return asdict(self) | {"example_rows": list(self.example_rows)}


def group_findings(findings: Sequence[Finding]) -> list[list[Finding]]:
    """Group findings of columns that say the same, errors first."""
    kinds: dict[tuple[bool, str, str], list[Finding]] = {}
    for finding in sorted(findings, key=lambda finding: finding.severity != "error"):
        kinds.setdefault((finding.column is None, finding.rule, finding.message), []).append(finding)
    return list(kinds.values())


def name_columns(alike: list[Finding]) -> str:
    """Name the first columns of a group of findings, and count the others."""
    named = ", ".join(repr(finding.column) for finding in alike[:NAMED_COLUMNS])
    return named + (f" and {len(alike) - NAMED_COLUMNS} more" if len(alike) > NAMED_COLUMNS else "")


def finding_lines(findings: Sequence[Finding]) -> list[str]:
    """Return one sentence for each group of findings."""
    return [
        str(alike[0])
        if len(alike) == 1
        else f"{alike[0].severity.capitalize()}: {len(alike)} columns ({name_columns(alike)}): each"
        f" {alike[0].message} ({alike[0].rule})."
        for alike in group_findings(findings)
    ]


def find_in_rows(
    column: str | None, rule: str, severity: Severity, concerned: npt.NDArray[np.bool_], message: str
) -> list[Finding]:
    """Return one finding about the rows where `concerned` is true, or none if it is true nowhere."""
    rows = np.flatnonzero(concerned)
    if not len(rows):
        return []
    examples = tuple(int(row) for row in rows[:EXAMPLE_ROWS])
    return [Finding(column, rule, severity, len(rows), examples, message)]


def column_finding(column: str | None, rule: str, severity: Severity, count: int, message: str) -> Finding:
    """Return a finding about a column or the table as a whole; it names no rows."""
    return Finding(column, rule, severity, count, (), message)
