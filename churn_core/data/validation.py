"""Check a table against the data contract before anything is learnt from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from churn_core.data.checks import CheckedTable, check_feature, check_id, check_target
from churn_core.data.findings import Finding, in_column
from churn_core.data.loading import cells_are_text
from churn_core.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

    from churn_core.schema import Contract

__all__ = ["DataValidationError", "Finding", "ValidationReport", "validate_data"]


@dataclass(frozen=True, slots=True)
class ValidationReport:
    """What was found in a table.

    Attributes
    ----------
    findings : tuple of Finding
        In contract order: the table, the id, the features, the target.
    rows : int
        Rows of the table.
    """

    findings: tuple[Finding, ...]
    rows: int

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that forbid using the table."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    @property
    def ok(self) -> bool:
        """Whether there is no error; warnings may be there."""
        return not self.errors

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain JSON types."""
        return {
            "ok": self.ok,
            "rows": self.rows,
            "errors": len(self.errors),
            "warnings": len(self.findings) - len(self.errors),
            "findings": [finding.to_dict() for finding in self.findings],
        }

    def render(self) -> str:
        """Return the report as a text table for people, errors first, without a line end."""
        errors, warnings = len(self.errors), len(self.findings) - len(self.errors)
        verdict = "keeps the data contract" if self.ok else "breaks the data contract"
        summary = f"The table of {self.rows:,} rows {verdict}: {errors} errors, {warnings} warnings."
        if not self.findings:
            return summary
        ordered = sorted(self.findings, key=lambda finding: finding.severity != "error")
        header = ("severity", "column", "rule", "count", "rows from 0", "what to do")
        cells = [header, *(_cells(finding) for finding in ordered)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in cells
        ]
        return "\n".join([*lines, summary])

    def raise_for_errors(self) -> None:
        """Do nothing if the table is fit for use.

        Raises
        ------
        DataValidationError
            If there is an error; it carries this report.
        """
        if not self.ok:
            raise DataValidationError(self)


class DataValidationError(DataError):
    """A table breaks the data contract.

    Parameters
    ----------
    report : ValidationReport
        Everything that was found; at least one error.
    """

    def __init__(self, report: ValidationReport) -> None:
        first, *others = report.errors
        place = "The table" if first.column is None else f"Column {first.column!r}"
        rows = f" (count {first.count:,})" if first.column is not None else ""
        more = f" {len(others)} more errors were found." if others else ""
        super().__init__(f"{place} {first.message}{rows}.{more}")
        self.report = report


def validate_data(
    table: pd.DataFrame, contract: Contract, *, labelled: bool = True, ids_repeat: bool = False
) -> ValidationReport:
    """Check a table against the data contract.

    Parameters
    ----------
    table : DataFrame
        As `churn_core.data.load_table` gives it, or any other; columns beyond the contract's are
        ignored.
    contract : Contract
        If it has vocabularies, values that the model never saw are reported as warnings.
    labelled : bool
        Whether the rows are to be learnt from or evaluated on. Rows that are only scored need no target;
        in them a repeated id, a value that is not allowed and a nullable column without any value are
        warnings instead of errors, and constant columns are no news.
    ids_repeat : bool
        Whether a customer may have several rows, because ``data.group`` is the id: then a repeated id is
        no fault at all.

    Returns
    -------
    ValidationReport
        Every fault, not only the first. Nothing in it is a cell's value.
    """
    needed = [*([contract.id_column] if contract.id_column else []), *contract.names]
    needed += [contract.target] if labelled else []
    findings = [finding for name in needed for finding in _check_presence(table, name)]
    if not len(table):
        findings.append(
            Finding(None, "empty_table", "error", 0, (), "has no rows; give at least one customer")
        )
        return ValidationReport(tuple(findings), 0)
    present = set(needed) - {finding.column for finding in findings}
    checked = CheckedTable(table, cells_are_text(table), labelled)
    if contract.id_column in present:
        found = check_id(checked, str(contract.id_column))
        findings += [f for f in found if not (ids_repeat and f.rule == "duplicate_id")]
    for feature in contract.features:
        if feature.name in present:
            findings += check_feature(checked, feature)
    if contract.target in present:
        findings += check_target(checked, contract)
    return ValidationReport(tuple(findings), len(table))


def _check_presence(table: pd.DataFrame, name: str) -> list[Finding]:
    count = int((table.columns == name).sum())
    if count == 1:
        return []
    if count:
        message = f"is there {count} times; keep one and remove or rename the others"
        return [in_column(name, "duplicate_column", "error", count, message)]
    return [in_column(name, "missing_column", "error", 1, "is not in the table; add it")]


def _cells(finding: Finding) -> tuple[str, ...]:
    more = ", ..." if finding.example_rows and finding.count > len(finding.example_rows) else ""
    return (
        finding.severity,
        finding.column or "(table)",
        finding.rule,
        f"{finding.count:,}",
        ", ".join(map(str, finding.example_rows)) + more,
        finding.message,
    )
