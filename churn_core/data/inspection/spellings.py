"""Categories whose values differ only by case, blanks or Unicode form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from churn_core.data.findings import Finding, column_finding
from churn_core.data.inspection.messages import MESSAGES, listed_columns
from churn_core.scoring.records.categories import fold_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from churn_core.data.inspection.column import Column

SPELLING_NOTE: Final = "Values differ only by case or blanks. To make these one value, add: normalise: true"


def has_alike_spellings(column: Column, spec: Mapping[str, Any]) -> bool:
    """Return whether a category of text has two values that ``normalise: true`` makes one."""
    if spec.get("kind") != "category" or spec.get("values", "text") != "text":
        return False
    return len({fold_text(value) for value in column.values}) < len(column.values)


def spelling_findings(names: Sequence[str]) -> list[Finding]:
    """Return one warning that names all columns with alike spellings."""
    if not names:
        return []
    message = MESSAGES["alike_spellings"].format(columns=listed_columns(names))
    return [column_finding(None, "alike_spellings", "warning", len(names), message)]
