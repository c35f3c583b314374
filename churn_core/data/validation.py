"""The check of a table against the data contract, before training or scoring."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from churn_core.data.checks import CheckedTable, check_feature, check_id, check_target
from churn_core.data.columns import kept_rows
from churn_core.data.date_checks import check_days
from churn_core.data.files.csv_files import cells_are_text
from churn_core.data.findings import NAMED_COLUMNS, Finding, column_finding, group_findings, name_columns
from churn_core.errors import DataError
from churn_core.schema import NumberFeature
from churn_core.scoring.column_names import alike_names, missing_advice, other_table

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from churn_core.schema import Contract

__all__ = ["DataValidationError", "Finding", "ValidationReport", "validate_data"]


@dataclass(frozen=True, slots=True)
class ValidationReport:
    """The findings about a table.

    Attributes
    ----------
    findings : tuple of Finding
        In contract order: the table, the id, the features, the target.
    rows : int
        Number of rows of the table.
    """

    findings: tuple[Finding, ...]
    rows: int

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that make the table unusable."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    @property
    def ok(self) -> bool:
        """Whether there is no error; there may be warnings."""
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
        """Return the report as a text table, errors first, without a final line break."""
        errors, warnings = len(self.errors), len(self.findings) - len(self.errors)
        verdict = "matches the data contract" if self.ok else "does not match the data contract"
        summary = f"The table of {self.rows:,} rows {verdict}: {errors} errors, {warnings} warnings."
        if not self.findings:
            return summary
        header = ("severity", "column", "rule", "count", "rows from 0", "what to do")
        cells = [header, *(row for alike in group_findings(self.findings) for row in _cells(alike))]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in cells
        ]
        return "\n".join([*lines, summary])

    def raise_for_errors(self) -> None:
        """Raise an error if the table is unusable.

        Raises
        ------
        DataValidationError
            If a finding is an error; the exception carries this report.
        """
        if not self.ok:
            raise DataValidationError(self)


class DataValidationError(DataError):
    """A table does not match the data contract.

    Parameters
    ----------
    report : ValidationReport
        All findings; at least one is an error.
    """

    def __init__(self, report: ValidationReport) -> None:
        first, *others = report.errors
        rows = f" (count {first.count:,})" if first.column is not None else ""
        more = f" {len(others)} more errors were found." if others else ""
        super().__init__(f"{first.place} {first.message}{rows}.{more}")
        self.report = report


def validate_data(
    table: pd.DataFrame, contract: Contract, *, labelled: bool = True, ids_repeat: bool = False
) -> ValidationReport:
    """Check a table against the data contract.

    Parameters
    ----------
    table : DataFrame
        From `churn_core.data.load_table`, or any other. Columns that the contract does not name are
        ignored. So are labelled rows with a label that the contract excludes.
    contract : Contract
        If it has vocabularies, values that the model has not seen are reported as warnings.
    labelled : bool
        Whether the rows are for training or evaluation. Rows that are only scored need no target. In them
        a repeated id, a value that is not allowed and a nullable column without any value are warnings
        instead of errors, and constant columns are not reported.
    ids_repeat : bool
        Whether a customer may have several rows, because ``data.group`` is the id. Then repeated ids are
        not reported.

    Returns
    -------
    ValidationReport
        Every fault, not only the first. It holds no cell's value.
    """
    if labelled and contract.excluded and list(table.columns).count(contract.target) == 1:
        kept = kept_rows(table[contract.target], contract)
        report = validate_data(table.iloc[kept], replace(contract, excluded=()), ids_repeat=ids_repeat)
        return ValidationReport(tuple(_at_rows(f, kept) for f in report.findings), report.rows)
    needed = [*([contract.id_column] if contract.id_column else []), *contract.columns]
    needed += [contract.target] if labelled else []
    other = other_table(needed, [str(name) for name in table.columns], "this data contract")
    if other is not None:
        advice = "write a configuration for this table with churn init, or name another model or table"
        message = f"is another one: {other}; {advice}"
        return ValidationReport(
            (column_finding(None, "other_table", "error", len(needed), message),), len(table)
        )
    findings = [*_check_names(table), *(f for name in needed for f in _check_presence(table, name))]
    if not len(table):
        findings.append(column_finding(None, "empty_table", "error", 0, "has no rows; add customers"))
        return ValidationReport(tuple(findings), 0)
    present = set(needed) - {finding.column for finding in findings}
    checked = CheckedTable(table, cells_are_text(table), labelled, contract.reader.text)
    if contract.id_column in present:
        found = check_id(checked, str(contract.id_column))
        findings += [f for f in found if not (ids_repeat and f.rule == "duplicate_id")]
    for feature in contract.features:
        if not present.issuperset(feature.columns):
            continue
        if isinstance(feature, NumberFeature) and feature.days is not None:
            findings += check_days(checked, feature, feature.days, contract.reader.text)
        else:
            findings += check_feature(checked, feature)
    if contract.target in present:
        findings += check_target(checked, contract)
    # Several features may be computed from one date, whose faults are reported once.
    return ValidationReport(tuple(dict.fromkeys(findings)), len(table))


def _at_rows(finding: Finding, rows: npt.NDArray[np.int64]) -> Finding:
    """Return a finding about some rows of a table with the rows' positions in that table."""
    return replace(finding, example_rows=tuple(int(rows[row]) for row in finding.example_rows))


def _check_names(table: pd.DataFrame) -> list[Finding]:
    alike = alike_names([str(name) for name in table.columns])
    if alike is None:
        return []
    message = (
        "has two columns whose names differ in case alone (positions {} and {}), which can't be scored;"
        " rename or remove one"
    ).format(*(position + 1 for position in alike))
    return [column_finding(None, "alike_names", "error", 2, message)]


def _check_presence(table: pd.DataFrame, name: str) -> list[Finding]:
    count = int((table.columns == name).sum())
    if count == 1:
        return []
    if count:
        message = f"occurs {count} times; keep one and remove or rename the others"
        return [column_finding(name, "duplicate_column", "error", count, message)]
    advice = missing_advice(name, [str(other) for other in table.columns])
    return [column_finding(name, "missing_column", "error", 1, f"is not in the table; {advice}")]


def _cells(alike: list[Finding]) -> list[tuple[str, ...]]:
    """Return one row for each finding, or one for many columns with the same warning."""
    first = alike[0]
    if len(alike) > NAMED_COLUMNS and first.severity == "warning":
        return [(first.severity, name_columns(alike), first.rule, "each", "", first.message)]
    return [
        (
            finding.severity,
            finding.column or "(table)",
            finding.rule,
            f"{finding.count:,}",
            ", ".join(map(str, finding.example_rows))
            + (", ..." if finding.example_rows and finding.count > len(finding.example_rows) else ""),
            finding.message,
        )
        for finding in alike
    ]
