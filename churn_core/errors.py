"""Typed errors: one sentence each, naming the column or key at fault and the mend.

No message ever holds a cell's value: messages end up in logs, and values are customers' data.
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
)
"""Why a single value, and with it its row, can't be scored. Closed set; order is the code's number."""

QUARANTINE_CODES: Final = (
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
    "timeout",
    "reader-crash",
    "gone",
    "archived",
    "bad-message",
    "unsupported-event",
    "no-space",
)
"""Why a whole input file or message can't be scored. Closed set."""


class ChurnError(Exception):
    """Base of every error that is the fault of the data, the configuration or the model."""


class ConfigError(ChurnError):
    """The configuration contradicts itself or can't be read."""


class DataError(ChurnError):
    """A table can't be read or breaks the data contract."""


class TrainingError(ChurnError):
    """The table is valid, but no model can be trained on it."""


class ParityError(ChurnError):
    """The exported graphs do not answer as scikit-learn does; nothing was written."""


class BundleError(ChurnError):
    """A model bundle is missing, incomplete, altered, or of an unknown kind."""


class ScoringError(ChurnError):
    """The model answered with something that is no probability."""


class DriftError(ChurnError):
    """A table has drifted further from the training rows than the caller allows."""


class OutputError(ChurnError):
    """The output can't be written."""


class NoSpaceError(OutputError):
    """The output can't be written, because its disk is full."""


class InputFileError(DataError):
    """A file to be scored is unfit as a whole.

    Parameters
    ----------
    code : str
        One of `QUARANTINE_CODES`.
    message : str
        One sentence with the mend; holds no cell values.
    """

    def __init__(self, code: str, message: str) -> None:
        if code not in QUARANTINE_CODES:
            raise ValueError(f"{code!r} is not a quarantine code")
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class ValueFault:
    """One value of one record that breaks the contract; carries the place, never the value.

    `column` is the column's name, or, for a key that the contract does not know, the key's position in
    the record: such a key may itself be a customer's data.
    """

    record: int
    column: str | int
    code: str


class InvalidRecordsError(DataError):
    """Records handed in for scoring break the data contract.

    Parameters
    ----------
    faults : list of ValueFault
        Every fault found, in record order, then contract order.
    """

    def __init__(self, faults: list[ValueFault]) -> None:
        first = faults[0]
        more = f" ({len(faults) - 1} more)" if len(faults) > 1 else ""
        super().__init__(
            f"Record {first.record}: column {first.column!r} is refused as {first.code}{more};"
            " mend it as the model's data contract says."
        )
        self.faults = faults
