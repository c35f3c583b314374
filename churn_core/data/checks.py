"""The checks of single columns against the data contract."""

from __future__ import annotations

import datetime
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from churn_core.data.columns import (
    FINE,
    MISSING,
    distinct_text,
    label_form,
    parse_category_column,
    parse_number_column,
    parse_target_column,
)
from churn_core.data.findings import column_finding, find_in_rows
from churn_core.errors import reject_number
from churn_core.schema import MAX_TEXT_LENGTH, CategoryFeature, NumberFeature, label_tuple
from churn_core.scoring.records.categories import declared_level, has_fraction
from churn_core.scoring.records.values import BLANK

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from churn_core.data.findings import Finding, Severity
    from churn_core.reader_rules import TextRules
    from churn_core.schema import Contract, Feature

_ID_TYPES: Final = (str, int, float, np.generic, uuid.UUID, datetime.date)


@dataclass(frozen=True, slots=True)
class CheckedTable:
    """A table to check, and what it is used for.

    Attributes
    ----------
    table : DataFrame
        Has at least one row, and each column to check exactly once.
    text_cells : bool
        Whether every cell is text, as in a CSV file.
    labelled : bool
        Whether the rows are for training or evaluation, not only for scoring.
    rules : TextRules
        How text stands for numbers.
    """

    table: pd.DataFrame
    text_cells: bool
    labelled: bool
    rules: TextRules

    @property
    def training_severity(self) -> Severity:
        """The severity of faults that matter in training only: such rows can still be scored."""
        return "error" if self.labelled else "warning"


def check_feature(checked: CheckedTable, feature: Feature) -> list[Finding]:
    """Check the values of a feature's column."""
    series = checked.table[feature.name]
    if isinstance(feature, NumberFeature):
        parsed = parse_number_column(series, feature, text_cells=checked.text_cells, rules=checked.rules)
        present, faults = ~np.isnan(parsed.values), parsed.faults
        differ = bool(present.any()) and float(np.nanmin(parsed.values)) != float(np.nanmax(parsed.values))
        vocabulary_findings: list[Finding] = []
    else:
        category = parse_category_column(series, feature)
        codes, distinct = pd.factorize(category.text)
        present, faults = codes >= 0, category.faults
        differ = len(distinct) > 1
        if not feature.nullable and not (feature.vocabulary and feature.accepts_missing):
            faults = np.where((faults == FINE) & ~present, MISSING, faults)
        if checked.labelled and feature.values != "text":
            # Scoring takes a fraction for an unknown value.
            faults = faults.copy()
            faults[np.array([*map(has_fraction, distinct), False])[codes]] = reject_number("not_integer")
        vocabulary_findings = _check_vocabulary(checked, feature, codes, distinct)
        if feature.vocabulary and feature.accepts_missing and not feature.nullable:
            message = "lacks values, which training did not; such rows are scored with a warning"
            unexpected = (faults == FINE) & ~present
            vocabulary_findings += find_in_rows(feature.name, "missing", "warning", unexpected, message)
    if not present.any() and ((faults == FINE) | (faults == MISSING)).all():
        severity: Severity = checked.training_severity if feature.nullable else "error"
        message = "has no value in any row; fill it, or remove the column from data.features"
        return [column_finding(feature.name, "all_missing", severity, len(series), message)]
    found = _check_values(checked, feature, faults) + vocabulary_findings
    if checked.labelled and present.all() and len(series) > 1 and not differ:
        message = "holds a single value, so a model can't learn from it; remove it from data.features"
        found.append(column_finding(feature.name, "constant", "warning", len(series), message))
    return found


def check_target(checked: CheckedTable, contract: Contract) -> list[Finding]:
    """Check that every label is present and one that the contract names, and that both kinds occur."""
    name = contract.target
    parsed = parse_target_column(checked.table[name], name)
    codes, distinct = pd.factorize(parsed.text)
    positive, negative = (
        {label_form(label) for label in label_tuple(labels)}
        for labels in (contract.positive, contract.negative)
    )
    # Without negative labels, every other label means 'stayed'.
    known = positive | (negative or set(distinct))
    unknown = _outside(codes, distinct, known) | ((parsed.faults != FINE) & (parsed.faults != MISSING))
    message = "is the target but lacks labels; label these rows or remove them"
    found = find_in_rows(name, "missing_label", "error", parsed.faults == MISSING, message)
    message = (
        "is the target but holds labels other than those of data.target; correct the rows, or positive and"
        " negative, or list the labels in exclude to set their rows aside"
    )
    found += find_in_rows(name, "unknown_label", "error", unknown, message)
    if len({label in positive for label in distinct}) == 1 and not unknown.any():
        message = "is the target but holds a single label; add customers with the other label"
        found.append(column_finding(name, "one_class", "error", len(codes), message))
    return found


def check_id(checked: CheckedTable, name: str) -> list[Finding]:
    """Check that every row has an id and that no id repeats."""
    series = checked.table[name]
    text = distinct_text(series)
    if text is not None:
        blank = np.array([not value.strip(BLANK) for value in text.values] + [True])
        missing, wrong = blank[text.codes], np.zeros(len(series), dtype=np.bool_)
        too_long = np.array([len(value) > MAX_TEXT_LENGTH for value in text.values] + [False])[text.codes]
        too_long &= ~missing
        repeated = pd.Series(text.codes).duplicated().to_numpy(dtype=np.bool_) & ~missing
    else:
        missing = series.isna().to_numpy(dtype=np.bool_)
        wrong = ~missing & ~np.fromiter(
            (isinstance(value, _ID_TYPES) for value in series), np.bool_, len(series)
        )
        wrong |= _inexact(series)
        too_long = np.zeros(len(series), dtype=np.bool_)
        usable = ~missing & ~wrong
        repeated = np.zeros(len(series), dtype=np.bool_)
        repeated[usable] = series[usable].duplicated().to_numpy(dtype=np.bool_)
    rules: tuple[tuple[str, Severity, npt.NDArray[np.bool_], str], ...] = (
        ("missing_id", "error", missing, "is the id but lacks values; give each customer an id"),
        (
            "wrong_type",
            "error",
            wrong,
            "is the id but holds values other than text, whole numbers, UUIDs and dates, or floating-point"
            " numbers that are too large to have kept all digits; write it as text",
        ),
        (
            "too_long",
            "error",
            too_long,
            f"is the id but holds text of more than {MAX_TEXT_LENGTH} characters; shorten it",
        ),
        (
            "duplicate_id",
            checked.training_severity,
            repeated,
            "is the id but repeats ids of earlier rows; keep one row per customer, or set data.group to it",
        ),
    )
    return [finding for rule in rules for finding in find_in_rows(name, *rule)]


def _inexact(series: pd.Series[Any]) -> npt.NDArray[np.bool_]:
    """Return where floating-point numbers are so large that whole numbers near them are equal to them."""
    if getattr(series.dtype, "kind", "O") != "f":
        return np.zeros(len(series), dtype=np.bool_)
    numbers = series.to_numpy(dtype=np.float64, na_value=np.nan)
    digits = np.finfo(series.to_numpy().dtype).nmant + 1
    inexact: npt.NDArray[np.bool_] = np.abs(numbers) > 2.0**digits
    return inexact


def _check_values(checked: CheckedTable, feature: Feature, faults: npt.NDArray[np.uint8]) -> list[Finding]:
    messages = _value_messages(feature, text_allowed=checked.text_cells)
    return [
        finding
        for code, message in messages.items()
        for finding in find_in_rows(feature.name, code, "error", faults == reject_number(code), message)
    ]


def _check_vocabulary(
    checked: CheckedTable,
    feature: CategoryFeature,
    codes: npt.NDArray[np.intp],
    distinct: npt.NDArray[np.object_],
) -> list[Finding]:
    found = []
    if feature.allowed is not None:
        message = "holds values that are not listed as allowed; correct them, or add them to allowed"
        allowed = (declared_level(value, feature) for value in feature.allowed)
        not_allowed = _outside(codes, distinct, allowed)
        found += find_in_rows(feature.name, "not_allowed", checked.training_severity, not_allowed, message)
    if feature.vocabulary:
        message = (
            "holds values that the model has not seen and scores as unknown; train again if they are here to"
            " stay"
        )
        unseen = _outside(codes, distinct, feature.vocabulary)
        found += find_in_rows(feature.name, "unseen_value", "warning", unseen, message)
    return found


def _outside(
    codes: npt.NDArray[np.intp], distinct: npt.NDArray[np.object_], listed: Iterable[str]
) -> npt.NDArray[np.bool_]:
    known = set(listed)
    # The code -1 of a missing value picks the last entry: a missing value is not outside.
    return np.array([value not in known for value in distinct] + [False])[codes]


def _value_messages(feature: Feature, *, text_allowed: bool) -> dict[str, str]:
    if isinstance(feature, CategoryFeature):
        bounds, wrong_type = "", "holds values other than text, whole numbers and booleans; convert them"
        if feature.values == "text":
            wrong_type += ", or declare the column with values: integer if they are whole numbers"
        fraction = (
            f"holds fractions but is declared with values: {feature.values}; round them, or remove values"
        )
    else:
        fraction = "holds fractions but is declared with integer: true; round them, or remove integer"
        bounds, wrong_type = (
            f"{feature.minimum:g} to {feature.maximum:g}",
            "holds values that are not numbers",
        )
        wrong_type += "; convert them"
        if text_allowed or feature.stored_as_text:
            wrong_type += (
                ", or declare how they are written with signs of the column, and with decimal, thousands and"
                " missing_tokens under reader"
            )
        if not (text_allowed or feature.stored_as_text):
            wrong_type += ", or declare the column with stored_as: text if it holds numbers as text"
    return {
        "missing": "lacks values; fill them, or declare the column with nullable: true",
        "not_finite": "holds infinite numbers; replace them",
        "out_of_range": f"holds numbers outside {bounds}; correct them, or its minimum and maximum",
        "not_integer": fraction,
        "too_long": f"holds text of more than {MAX_TEXT_LENGTH} characters; shorten it",
        "invalid_unicode": "holds text with NUL or lone surrogates; write it as valid Unicode",
        "wrong_type": wrong_type,
    }
