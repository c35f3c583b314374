"""How a step ends that brings no result.

The state machine knows these by name (`infra/state_machine/backfill.asl.json`): it tries nothing again but
`RetryLaterError`, and what AWS itself may raise.
"""

from __future__ import annotations


class BackfillError(Exception):
    """One sentence with the mend; no key of an object and no customer's value is part of it."""


class RetryLaterError(BackfillError):
    """AWS, the network or the model failed; the same step may succeed later."""


class BadRequestError(BackfillError):
    """The input asks for what no run can do."""


class EmptyPrefixError(BackfillError):
    """There is nothing to score below the prefix."""


class TooManyPartsError(BackfillError):
    """The prefix has more parts than a run takes."""


class UnknownRunError(BackfillError):
    """There is no plan of that run, or it is another one's."""


class ModelChangedError(BackfillError):
    """The run was planned with another model than the function has."""


class IncompleteRunError(BackfillError):
    """Parts have neither scores nor a record that says why not."""


class UnbalancedRunError(BackfillError):
    """Rows of an output do not add up."""


PERMANENT = (
    BadRequestError,
    EmptyPrefixError,
    TooManyPartsError,
    UnknownRunError,
    ModelChangedError,
    IncompleteRunError,
    UnbalancedRunError,
)
"""Errors that come again however often a step is tried."""
