"""Errors that end a step of a run.

The state machine knows them by name (`infra/state_machine/backfill.asl.json`). It retries a step only after
`RetryLaterError` and after errors of AWS itself.
"""

from __future__ import annotations


class BackfillError(Exception):
    """Base class; the message is one sentence with the fix, without input keys and customers' values."""


class RetryLaterError(BackfillError):
    """AWS, the network or the model failed; the same step may succeed later."""


class BadRequestError(BackfillError):
    """The request is malformed or asks for something that a run can't do."""


class EmptyPrefixError(BackfillError):
    """There are no input objects below the prefix."""


class TooManyPartsError(BackfillError):
    """The prefix has more parts than a run may have."""


class UnknownRunError(BackfillError):
    """The run has no plan, or its plan belongs to another run."""


class ModelChangedError(BackfillError):
    """The function has another model than the run was planned with."""


class IncompleteRunError(BackfillError):
    """Some parts have neither scores nor a record."""


class UnbalancedRunError(BackfillError):
    """The row counts of an output do not add up."""
