"""Turn DuckDB's encoded columns into the encoded matrix and the faults of its rows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from churn_core.errors import MALFORMED_LINE_CODE, REJECT_CODES, reject_number
from churn_core.schema import CategoryFeature, NumberFeature
from churn_core.scoring.day_numbers import parse_fixed_day
from churn_core.scoring.files.sql.categories import refused_code
from churn_core.scoring.files.sql.dates import MISSING_DAY
from churn_core.scoring.files.sql.encoding import MALFORMED, faulty_columns

if TYPE_CHECKING:
    import arro3.core as arrow
    import numpy.typing as npt

    from churn_core.schema import Contract, DaysBetween
    from churn_core.scoring.value_warnings import ColumnWarning, ValueWarnings

_MISSING, _NOT_FINITE, _OUT_OF_RANGE, _NOT_INTEGER = map(
    reject_number, ("missing", "not_finite", "out_of_range", "not_integer")
)


@dataclass(frozen=True, slots=True)
class EncodedBatch:
    """A batch of encoded rows and their faults.

    Attributes
    ----------
    matrix : ndarray of float32, shape (rows, features)
        Encoded rows, the model's input.
    columns : ndarray of float32, shape (features, rows)
        The same values transposed; drift is counted from them.
    reject : ndarray of uint8, shape (rows,)
        The `reject_number` of the row's first fault in contract order; 0 for a row that can be scored.
    reject_column : ndarray of uint16, shape (rows,)
        1 + the position of the column of that fault in `faulty_columns`; 0 if no column is at fault.
    warnings : list of ColumnWarning
        Unexpected values, in contract order.
    refused : dict
        By feature name, the rows whose value was refused, by reject code.
    """

    matrix: npt.NDArray[np.float32]
    columns: npt.NDArray[np.float32]
    reject: npt.NDArray[np.uint8]
    reject_column: npt.NDArray[np.uint16]
    warnings: list[ColumnWarning]
    refused: dict[str, Counter[str]]


def encode_batch(batch: arrow.RecordBatch, contract: Contract, value_warnings: ValueWarnings) -> EncodedBatch:
    """Turn the columns of `churn_core.scoring.files.sql.encoding.encoded_columns` into the encoded matrix."""
    rows = batch.num_rows
    columns = np.empty((len(contract.features), rows), dtype=np.float32)
    reject, malformed = _row_faults(batch, contract)
    reject_column = np.zeros(rows, dtype=np.uint16)
    places = {name: 1 + place for place, name in enumerate(faulty_columns(contract))}
    if contract.id_column is not None:
        reject_column[reject != 0] = places[contract.id_column]
        reject_column[malformed] = 0
    warnings: list[ColumnWarning] = []
    refused = {}
    for position, feature in enumerate(contract.features):
        if isinstance(feature, CategoryFeature):
            values = batch.column(f"c{position}").to_numpy()
            if values.max(initial=0) < feature.unknown_code:
                columns[position] = values
                continue
            found = [(feature.name, _category_faults(values, feature))]
            columns[position] = np.minimum(values, feature.missing_code)
        elif feature.days is not None:
            columns[position], found = _days_between(batch, feature.days, contract, feature.nullable)
        else:
            values, faults = _numbers(batch, position, feature)
            found = [(feature.name, faults)]
            with np.errstate(over="ignore"):
                columns[position] = values
        warnings += value_warnings.of_column(position, columns[position])
        first = np.zeros(rows, dtype=np.uint8)
        for name, faults in found:
            # A malformed row has no values, so no column is the reason of its rejection.
            faults[malformed] = 0
            if faults.any():
                np.copyto(reject_column, np.uint16(places[name]), where=(reject == 0) & (faults != 0))
                np.copyto(reject, faults, where=reject == 0)
                np.copyto(first, faults, where=first == 0)
        if first.any():
            refused[feature.name] = rows_by_code(first)
    matrix = np.empty((rows, len(contract.features)), dtype=np.float32)
    for position, column in enumerate(columns):
        matrix[:, position] = column
    return EncodedBatch(matrix, columns, reject, reject_column, warnings, refused)


def _row_faults(
    batch: arrow.RecordBatch, contract: Contract
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_] | slice]:
    """Return the faults of rows that no feature's value causes, and which rows are malformed."""
    reject = np.zeros(batch.num_rows, dtype=np.uint8)
    if contract.id_column is not None:
        np.copyto(reject, batch.column("id_fault").to_numpy())
    if MALFORMED not in batch.schema.names:
        return reject, slice(0)
    malformed = batch.column(MALFORMED).to_numpy()
    reject[malformed] = reject_number(MALFORMED_LINE_CODE)
    return reject, malformed


def rows_by_code(faults: npt.NDArray[np.uint8]) -> Counter[str]:
    """Count rows by reject code; 0 means that a row has no fault."""
    counts = np.bincount(faults, minlength=len(REJECT_CODES) + 1)[1:]
    return Counter({code: int(count) for code, count in zip(REJECT_CODES, counts, strict=True) if count})


def _numbers(
    batch: arrow.RecordBatch, position: int, feature: NumberFeature
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.uint8]]:
    """Return a column of numbers, and the first fault of each row."""
    values = batch.column(f"c{position}").to_numpy()
    faults = _number_faults(values, feature)
    if f"w{position}" in batch.schema.names:
        text_faults = batch.column(f"w{position}").to_numpy()
        np.copyto(faults, text_faults, where=text_faults != 0)
    return values, faults


def _days_between(
    batch: arrow.RecordBatch, days: DaysBetween, contract: Contract, nullable: bool
) -> tuple[npt.NDArray[np.float64], list[tuple[str, npt.NDArray[np.uint8]]]]:
    """Return the days between two dates, NaN where one is missing, and the faults of each date column."""
    faults = []
    dates = []
    for name in days.columns:
        day = batch.column(f"d{contract.date_columns.index(name)}").to_numpy()
        absent = day <= MISSING_DAY
        if absent.any():
            refusals = (MISSING_DAY - day[absent]).astype(np.uint8)
            refusals[refusals == 0] = 0 if nullable else _MISSING
            found = np.zeros(batch.num_rows, dtype=np.uint8)
            found[absent] = refusals
            faults.append((name, found))
        dates.append(np.where(absent, np.nan, day))
    end = parse_fixed_day(days.end) if days.end_is_day else dates[1]
    return end - dates[0], faults


def _category_faults(codes: npt.NDArray[Any], feature: CategoryFeature) -> npt.NDArray[np.uint8]:
    no_fault = refused_code(feature, 0)
    faults = np.where(codes > no_fault, codes - no_fault, 0).astype(np.uint8)
    if not feature.accepts_missing:
        faults[codes == feature.missing_code] = _MISSING
    return faults


def _number_faults(values: npt.NDArray[np.float64], feature: NumberFeature) -> npt.NDArray[np.uint8]:
    faults = np.zeros(len(values), dtype=np.uint8)
    # Comparisons with NaN are false, so this finds missing, infinite and out-of-range values.
    unfit = ~((values >= feature.minimum) & (values <= feature.maximum))
    if unfit.any():
        odd = values[unfit]
        missing = 0 if feature.nullable else _MISSING
        faults[unfit] = np.select([np.isnan(odd), np.isinf(odd)], [missing, _NOT_FINITE], _OUT_OF_RANGE)
    if feature.integer:
        with np.errstate(invalid="ignore"):
            fractional = values != np.floor(values)
        faults[fractional & (faults == 0) & ~np.isnan(values)] = _NOT_INTEGER
    return faults
