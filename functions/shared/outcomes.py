"""The possible outcomes of an object or message, and the action for each, in one table."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Self


class Action(StrEnum):
    """What the function does with a message."""

    SCORED = "scored"
    """One complete output exists; the message is deleted."""
    QUARANTINED = "quarantined"
    """One record says why there is no output; the message is deleted."""
    RETRIED = "retried"
    """Nothing was written; the queue delivers the message again, five times at most."""
    NO_OP = "no-op"
    """There was nothing to write; the message is deleted."""


FATAL_DELIVERY: Final = 3
"""From this delivery on, a failure that may be the file's fault is treated as its fault."""


class Outcome(StrEnum):
    """The outcome of an object, or of a message that names no valid object.

    Each member has its code, its action, and the action from delivery `FATAL_DELIVERY` on if that differs.
    """

    SCORED = "scored", Action.SCORED

    # The same file gives the same outcome each time.
    NOT_PARQUET = "not-parquet", Action.QUARANTINED
    CORRUPT = "corrupt", Action.QUARANTINED
    ENCRYPTED = "encrypted", Action.QUARANTINED
    UNSUPPORTED_ENCODING = "unsupported-encoding", Action.QUARANTINED
    SCHEMA = "schema", Action.QUARANTINED
    DUPLICATE_COLUMN = "duplicate-column", Action.QUARANTINED
    TOO_LARGE = "too-large", Action.QUARANTINED
    TOO_MANY_ROWS = "too-many-rows", Action.QUARANTINED
    TOO_MANY_COLUMNS = "too-many-columns", Action.QUARANTINED
    TOO_MANY_ROW_GROUPS = "too-many-row-groups", Action.QUARANTINED
    RESOURCE_LIMIT = "resource-limit", Action.QUARANTINED

    # The object or the message can't be used, however often it is tried.
    GONE = "gone", Action.QUARANTINED
    ARCHIVED = "archived", Action.QUARANTINED
    BAD_MESSAGE = "bad-message", Action.QUARANTINED
    UNSUPPORTED_EVENT = "unsupported-event", Action.QUARANTINED

    # The machine or the file may be the cause; the file is, if it happens at each of three deliveries.
    TIMEOUT = "timeout", Action.RETRIED, Action.QUARANTINED
    READER_CRASH = "reader-crash", Action.RETRIED, Action.QUARANTINED
    NO_SPACE = "no-space", Action.RETRIED, Action.QUARANTINED

    # Not the file's fault.
    ACCESS_DENIED = "access-denied", Action.RETRIED
    STORAGE_UNAVAILABLE = "storage-unavailable", Action.RETRIED
    DAMAGED_TRANSFER = "damaged-transfer", Action.RETRIED
    COMMIT_CONFLICT = "commit-conflict", Action.RETRIED
    MODEL_UNAVAILABLE = "model-unavailable", Action.RETRIED
    DEADLINE = "deadline", Action.RETRIED
    INTERNAL_ERROR = "internal-error", Action.RETRIED

    # Nothing to do.
    ALREADY_SCORED = "already-scored", Action.NO_OP
    DIVERGENT_OUTPUT = "divergent-output", Action.NO_OP
    SUPERSEDED = "superseded", Action.NO_OP
    TEST_EVENT = "test-event", Action.NO_OP
    EVENT_TYPE = "event-type", Action.NO_OP
    NOT_AN_INPUT = "not-an-input", Action.NO_OP
    FOREIGN = "foreign", Action.NO_OP

    _actions: tuple[Action, ...]

    def __new__(cls, code: str, *actions: Action) -> Self:
        """Create a member whose value is its code."""
        member = str.__new__(cls, code)
        member._value_ = code
        member._actions = actions
        return member

    def action(self, delivery: int) -> Action:
        """Return the action at a delivery, counted from 1."""
        return self._actions[0 if delivery < FATAL_DELIVERY else -1]


class NotScoredError(Exception):
    """An object was not scored; the message is one sentence with the fix and no customer's value.

    Parameters
    ----------
    outcome : Outcome
        Any except ``SCORED``.
    message : str
    """

    def __init__(self, outcome: Outcome, message: str) -> None:
        super().__init__(message)
        self.outcome = outcome
