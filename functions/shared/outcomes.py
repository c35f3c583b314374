"""What can become of a message, and what is done about it: the error taxonomy in one table."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Action(StrEnum):
    """What is done about an outcome."""

    SCORED = "scored"
    """One complete output exists; the message is done."""
    QUARANTINED = "quarantined"
    """One record says why there is no output; the message is done."""
    RETRIED = "retried"
    """Nothing was written; the queue delivers the message again, and gives it up in the end."""
    NO_OP = "no-op"
    """Nothing was to be written; the message is done."""


class Outcome(StrEnum):
    """What can become of an object, or of a message that names none."""

    SCORED = "scored"

    # The same file ends the same way each time. The names are `churn_core.errors.QUARANTINE_CODES`.
    NOT_PARQUET = "not-parquet"
    CORRUPT = "corrupt"
    ENCRYPTED = "encrypted"
    UNSUPPORTED_ENCODING = "unsupported-encoding"
    SCHEMA = "schema"
    DUPLICATE_COLUMN = "duplicate-column"
    TOO_LARGE = "too-large"
    TOO_MANY_ROWS = "too-many-rows"
    TOO_MANY_COLUMNS = "too-many-columns"
    TOO_MANY_ROW_GROUPS = "too-many-row-groups"
    RESOURCE_LIMIT = "resource-limit"
    GONE = "gone"
    ARCHIVED = "archived"
    BAD_MESSAGE = "bad-message"
    UNSUPPORTED_EVENT = "unsupported-event"
    # The machine may be to blame, or the file: that shows when it happens again.
    TIMEOUT = "timeout"
    READER_CRASH = "reader-crash"
    NO_SPACE = "no-space"

    # Not the file's fault.
    ACCESS_DENIED = "access-denied"
    STORAGE_UNAVAILABLE = "storage-unavailable"
    DAMAGED_TRANSFER = "damaged-transfer"
    COMMIT_CONFLICT = "commit-conflict"
    MODEL_UNAVAILABLE = "model-unavailable"
    DEADLINE = "deadline"
    INTERNAL_ERROR = "internal-error"

    # Nothing to do.
    ALREADY_SCORED = "already-scored"
    DIVERGENT_OUTPUT = "divergent-output"
    SUPERSEDED = "superseded"
    TEST_EVENT = "test-event"
    EVENT_TYPE = "event-type"
    NOT_AN_INPUT = "not-an-input"
    FOREIGN = "foreign"


FATAL_DELIVERY: Final = 3
"""From this delivery on, what was given another chance is the file's fault."""


@dataclass(frozen=True, slots=True)
class Disposition:
    """What is done about an outcome, at first and from delivery `FATAL_DELIVERY` on."""

    at_first: Action
    in_the_end: Action

    def action(self, delivery: int) -> Action:
        """Return what is done at a delivery, counted from 1."""
        return self.at_first if delivery < FATAL_DELIVERY else self.in_the_end


_SCORED: Final = Disposition(Action.SCORED, Action.SCORED)
_QUARANTINED: Final = Disposition(Action.QUARANTINED, Action.QUARANTINED)
_QUARANTINED_IN_THE_END: Final = Disposition(Action.RETRIED, Action.QUARANTINED)
_RETRIED: Final = Disposition(Action.RETRIED, Action.RETRIED)
_NO_OP: Final = Disposition(Action.NO_OP, Action.NO_OP)

DISPOSITIONS: Final[dict[Outcome, Disposition]] = {
    Outcome.SCORED: _SCORED,
    Outcome.NOT_PARQUET: _QUARANTINED,
    Outcome.CORRUPT: _QUARANTINED,
    Outcome.ENCRYPTED: _QUARANTINED,
    Outcome.UNSUPPORTED_ENCODING: _QUARANTINED,
    Outcome.SCHEMA: _QUARANTINED,
    Outcome.DUPLICATE_COLUMN: _QUARANTINED,
    Outcome.TOO_LARGE: _QUARANTINED,
    Outcome.TOO_MANY_ROWS: _QUARANTINED,
    Outcome.TOO_MANY_COLUMNS: _QUARANTINED,
    Outcome.TOO_MANY_ROW_GROUPS: _QUARANTINED,
    Outcome.RESOURCE_LIMIT: _QUARANTINED,
    Outcome.GONE: _QUARANTINED,
    Outcome.ARCHIVED: _QUARANTINED,
    Outcome.BAD_MESSAGE: _QUARANTINED,
    Outcome.UNSUPPORTED_EVENT: _QUARANTINED,
    Outcome.TIMEOUT: _QUARANTINED_IN_THE_END,
    Outcome.READER_CRASH: _QUARANTINED_IN_THE_END,
    Outcome.NO_SPACE: _QUARANTINED_IN_THE_END,
    Outcome.ACCESS_DENIED: _RETRIED,
    Outcome.STORAGE_UNAVAILABLE: _RETRIED,
    Outcome.DAMAGED_TRANSFER: _RETRIED,
    Outcome.COMMIT_CONFLICT: _RETRIED,
    Outcome.MODEL_UNAVAILABLE: _RETRIED,
    Outcome.DEADLINE: _RETRIED,
    Outcome.INTERNAL_ERROR: _RETRIED,
    Outcome.ALREADY_SCORED: _NO_OP,
    Outcome.DIVERGENT_OUTPUT: _NO_OP,
    Outcome.SUPERSEDED: _NO_OP,
    Outcome.TEST_EVENT: _NO_OP,
    Outcome.EVENT_TYPE: _NO_OP,
    Outcome.NOT_AN_INPUT: _NO_OP,
    Outcome.FOREIGN: _NO_OP,
}


class NotScoredError(Exception):
    """Why an object was not scored, as one sentence with the mend; it holds no customer's value.

    Parameters
    ----------
    outcome : Outcome
        Any but ``SCORED``.
    message : str
        The sentence.
    """

    def __init__(self, outcome: Outcome, message: str) -> None:
        super().__init__(message)
        self.outcome = outcome
