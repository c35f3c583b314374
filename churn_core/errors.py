"""Errors of the library. Each message names the column or key at fault and says how to fix it.

No message holds a cell's value: messages are logged, and values are customers' data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

REJECT_CODES: Final = (
    "missing",
    "not_finite",
    "out_of_range",
    "not_integer",
    "too_long",
    "invalid_unicode",
    "wrong_type",
    "malformed_line",
    "not_a_date",
)
"""Why a row can't be scored. Closed list; the order is that of `reject_number`."""

WARNING_KINDS: Final = ("unknown", "missing", "unexpected")
"""Kinds of values that are scored with a warning; see `churn_core.scoring.value_warnings`."""

MALFORMED_LINE_CODE: Final = "malformed_line"
"""The reject code of a line of a text file that is no row of the table. All others are about one value."""

EXTRA_KEY_CODE: Final = "extra_forbidden"
"""Fault of a record's key that the data contract does not know. Files may have further columns."""

FILE_FAULT_CODES: Final = (
    "not-parquet",
    "corrupt",
    "encrypted",
    "unsupported-encoding",
    "schema",
    "duplicate-column",
    "too-large",
    "too-many-rows",
    "too-many-columns",
    "too-many-row-groups",
    "resource-limit",
    "not-text",
    "bad-compression",
    "dialect",
)
"""Why a whole input file can't be scored. Closed list."""


def reject_number(code: str) -> int:
    """Return the number of a reject code in encoded columns, from 1; 0 means that a value has no fault."""
    return 1 + REJECT_CODES.index(code)


class ChurnError(Exception):
    """Base of all errors that the data, the configuration or the model causes."""


class ConfigError(ChurnError):
    """The configuration contradicts itself or can't be read."""


class DataError(ChurnError):
    """A table can't be read or breaks the data contract."""


class TrainingError(ChurnError):
    """The table is valid, but no model can be trained on it."""


class ExportError(ChurnError):
    """A model family can't be exported, because it has no converter."""


class RejectsError(ChurnError):
    """More rows were rejected than the user allows."""


class ParityError(ChurnError):
    """The exported graphs and scikit-learn give different scores; no bundle was written."""


class BundleError(ChurnError):
    """A model bundle is missing, incomplete or altered, or has an unknown format."""


class ScoringError(ChurnError):
    """The model gave something other than a probability."""


class DriftError(ChurnError):
    """A table has drifted further from the training rows than the caller allows."""


class OutcomesError(ChurnError):
    """The scores came out worse than the caller allows."""


class OutputError(ChurnError):
    """The output can't be written."""


class NoSpaceError(OutputError):
    """The output can't be written because the disk is full."""


class InputFileError(DataError):
    """An input file can't be scored at all.

    Parameters
    ----------
    code : str
        One of `FILE_FAULT_CODES`.
    message : str
        What is wrong and how to fix it; holds no cell values.
    """

    def __init__(self, code: str, message: str) -> None:
        if code not in FILE_FAULT_CODES:
            raise ValueError(f"{code!r} is not one of FILE_FAULT_CODES")
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class ValueFault:
    """One value of one record that breaks the data contract.

    Attributes
    ----------
    record : int
        Position of the record.
    column : str or int
        The column's name. For a key that the contract does not know, the key's position in the record,
        because the key itself may be a customer's data.
    code : str
        One of `REJECT_CODES`, or `EXTRA_KEY_CODE`.
    """

    record: int
    column: str | int
    code: str


class InvalidRecordsError(DataError):
    """Records to be scored break the data contract.

    Parameters
    ----------
    faults : list of ValueFault
        All faults, in record order, then contract order.
    """

    def __init__(self, faults: list[ValueFault]) -> None:
        first = faults[0]
        more = f" ({len(faults) - 1} more)" if len(faults) > 1 else ""
        super().__init__(
            f"Record {first.record}, column {first.column!r}: {first.code}{more}."
            " Correct the value; the model's data contract says what the column may hold."
        )
        self.faults = faults
