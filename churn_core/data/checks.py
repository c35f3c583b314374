"""The checks of a table's columns against the data contract."""

from __future__ import annotations

import datetime
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from churn_core.data.columns import (
    FINE,
    MISSING,
    distinct_text,
    label_form,
    normal_form,
    parse_category_column,
    parse_number_column,
    parse_target_column,
)
from churn_core.data.findings import in_column, in_rows
from churn_core.errors import REJECT_CODES
from churn_core.schema import MAX_TEXT_LENGTH, CategoryFeature, NumberFeature
from churn_core.scoring.records.values import BLANK

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from churn_core.data.findings import Finding, Severity
    from churn_core.schema import Contract, Feature

_ID_TYPES: Final = (str, int, float, np.generic, uuid.UUID, datetime.date)
_STORE_AS_TEXT: Final = "; convert them, or declare the column with stored_as: text if it is text"


@dataclass(frozen=True, slots=True)
class CheckedTable:
    """A table to check, and how.

    Attributes
    ----------
    table : DataFrame
        Has at least one row, and each column in question once.
    text_cells : bool
        Whether every cell is text, as in a CSV file.
    labelled : bool
        Whether the rows are for training or evaluation, not only for scoring.
    """

    table: pd.DataFrame
    text_cells: bool
    labelled: bool

    @property
    def for_learning(self) -> Severity:
        """Severity of what spoils a training table but is no reason to refuse a row when scoring."""
        return "error" if self.labelled else "warning"


def check_feature(checked: CheckedTable, feature: Feature) -> list[Finding]:
    """Check the values of a feature's column."""
    series = checked.table[feature.name]
    if isinstance(feature, NumberFeature):
        parsed = parse_number_column(series, feature, text_cells=checked.text_cells)
        present, faults = ~np.isnan(parsed.values), parsed.faults
        differ = bool(present.any()) and float(np.nanmin(parsed.values)) != float(np.nanmax(parsed.values))
        values: list[Finding] = []
    else:
        category = parse_category_column(series, feature)
        codes, distinct = pd.factorize(category.text)
        present, faults = codes >= 0, category.faults
        differ = len(distinct) > 1
        values = _check_vocabulary(checked, feature, codes, distinct)
    if not present.any() and ((faults == FINE) | (faults == MISSING)).all():
        return [_all_missing(checked, feature)]
    found = _check_faults(checked, feature, faults) + values
    if checked.labelled and present.all() and len(series) > 1 and not differ:
        found.append(
            in_column(
                feature.name,
                "constant",
                "warning",
                len(series),
                "holds one value only, so a model can't learn from it; consider leaving it out",
            )
        )
    return found


def check_target(checked: CheckedTable, contract: Contract) -> list[Finding]:
    """Check the labels: each one of two, none missing, both there."""
    name = contract.target
    parsed = parse_target_column(checked.table[name], name)
    codes, distinct = pd.factorize(parsed.text)
    labels = (label_form(contract.positive), label_form(contract.negative))
    wrong = _outside(codes, distinct, labels) | ((parsed.faults != FINE) & (parsed.faults != MISSING))
    found = in_rows(
        name,
        "missing_label",
        "error",
        parsed.faults == MISSING,
        "is the target but lacks labels; label these rows or remove them",
    )
    found += in_rows(
        name,
        "unknown_label",
        "error",
        wrong,
        "is the target but holds other labels than the contract's two; mend them or the configuration",
    )
    if len(distinct) == 1 and not wrong.any():
        found.append(
            in_column(
                name,
                "one_class",
                "error",
                len(codes),
                "is the target but holds one label only; add customers of the other kind",
            )
        )
    return found


def check_id(checked: CheckedTable, name: str) -> list[Finding]:
    """Check that every row has an id of its own."""
    series = checked.table[name]
    text = distinct_text(series)
    if text is not None:
        blank = np.array([not value.strip(BLANK) for value in text.values] + [True])
        missing, wrong = blank[text.codes], np.zeros(len(series), dtype=np.bool_)
        repeated = _repeated(text.codes, ~missing)
    else:
        missing = series.isna().to_numpy(dtype=np.bool_)
        wrong = ~missing & ~np.fromiter(
            (isinstance(value, _ID_TYPES) for value in series), np.bool_, len(series)
        )
        usable = ~missing & ~wrong
        repeated = np.zeros(len(series), dtype=np.bool_)
        repeated[usable] = series[usable].duplicated().to_numpy(dtype=np.bool_)
    return [
        *in_rows(
            name, "missing_id", "error", missing, "is the id but lacks values; give each customer an id"
        ),
        *in_rows(
            name,
            "wrong_type",
            "error",
            wrong,
            "is the id but holds values that are no text, whole numbers, UUIDs or dates; convert them",
        ),
        *in_rows(
            name,
            "duplicate_id",
            checked.for_learning,
            repeated,
            "is the id but repeats the id of an earlier row; keep one row a customer",
        ),
    ]


def _repeated(codes: npt.NDArray[np.int64], usable: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    return pd.Series(codes).duplicated().to_numpy(dtype=np.bool_) & usable


def _all_missing(checked: CheckedTable, feature: Feature) -> Finding:
    severity: Severity = checked.for_learning if feature.nullable else "error"
    return in_column(
        feature.name,
        "all_missing",
        severity,
        len(checked.table),
        "has no value in any row; fill it, or leave the column out of the configuration",
    )


def _check_faults(checked: CheckedTable, feature: Feature, faults: npt.NDArray[np.uint8]) -> list[Finding]:
    messages = _fault_messages(feature, text_allowed=checked.text_cells)
    return [
        finding
        for position, code in enumerate(REJECT_CODES, 1)
        for finding in in_rows(feature.name, code, "error", faults == position, messages[code])
    ]


def _check_vocabulary(
    checked: CheckedTable,
    feature: CategoryFeature,
    codes: npt.NDArray[np.intp],
    distinct: npt.NDArray[np.object_],
) -> list[Finding]:
    found = []
    if feature.allowed is not None:
        foreign = _outside(codes, distinct, feature.allowed)
        found += in_rows(
            feature.name,
            "not_allowed",
            checked.for_learning,
            foreign,
            "holds values that the contract does not list as allowed; mend them or add them to the list",
        )
    if feature.vocabulary:
        unseen = _outside(codes, distinct, feature.vocabulary)
        found += in_rows(
            feature.name,
            "unseen_value",
            "warning",
            unseen,
            "holds values that the model never saw; it scores them as unknown, train it anew if they stay",
        )
    return found


def _outside(
    codes: npt.NDArray[np.intp], distinct: npt.NDArray[np.object_], listed: Iterable[str]
) -> npt.NDArray[np.bool_]:
    known = {normal_form(value) for value in listed}
    # The last entry is picked by the code -1: a missing value is not a foreign one.
    foreign = np.array([value not in known for value in distinct] + [False])
    return foreign[codes]


def _fault_messages(feature: Feature, *, text_allowed: bool) -> dict[str, str]:
    if isinstance(feature, CategoryFeature):
        bounds, wrong_type = "", "holds values that are no text, whole numbers or booleans; convert them"
    else:
        bounds, wrong_type = f"{feature.minimum:g} to {feature.maximum:g}", "holds values that are no numbers"
        wrong_type += "; convert them" if text_allowed or feature.stored_as_text else _STORE_AS_TEXT
    return {
        "missing": "lacks values; fill them, or declare the column nullable",
        "not_finite": "holds infinite numbers; replace them",
        "out_of_range": f"holds numbers outside {bounds}; mend them or the bounds",
        "not_integer": "holds fractions where the contract wants whole numbers; round them",
        "too_long": f"holds text of more than {MAX_TEXT_LENGTH} characters; shorten it",
        "invalid_unicode": "holds text with NUL or lone surrogates; write it as valid Unicode",
        "wrong_type": wrong_type,
    }
