"""One item of a run over a prefix: the other shape of the batch function's events.

A state machine calls the function once for each part, and waits for the answer. What is to be tried again
ends the call with an error, by whose type the state machine knows how.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from functions.shared.objects import InputObject, part_of
from functions.shared.outcomes import DISPOSITIONS, FATAL_DELIVERY, Action

if TYPE_CHECKING:
    from functions.batch.delivery import Handled

MEMBER: Final = "backfill"
"""Member of the event by which this shape is known."""


class PartRetryError(Exception):
    """AWS, the network or the model failed, and the part is not to blame: try again, and with patience."""


class SuspectPartError(Exception):
    """The machine may be to blame, or the part; the attempt after the next settles it."""


class ModelChangedError(Exception):
    """The run was planned with another model than the function has; start it anew."""


class BadItemError(Exception):
    """The event is no item of a run."""


@dataclass(frozen=True, slots=True)
class MapItem:
    """A part to score.

    Attributes
    ----------
    source : InputObject
        The part, pinned by its version, or by its etag in a bucket without versions.
    model_digest : str
        The model with which the run was planned.
    attempt : int
        From 1; from `functions.shared.outcomes.FATAL_DELIVERY` on, what may be the part's fault is.
    """

    source: InputObject
    model_digest: str
    attempt: int

    @classmethod
    def of(cls, item: Any) -> Self:
        """Read the event's member.

        Raises
        ------
        BadItemError
            If it has another shape.
        """
        try:
            return cls(part_of(item["part"]), str(item["model_digest"]), int(item["attempt"]))
        except (KeyError, TypeError, ValueError) as error:
            raise BadItemError("The event is no item of a run; start runs with 'churn backfill'.") from error


def answer(handled: Handled) -> dict[str, Any]:
    """Return what the state machine is told of a part that is done; neither key nor cell is part of it.

    Raises
    ------
    PartRetryError, SuspectPartError
        If it is to be tried again.
    """
    outcome = handled.result.outcome
    if handled.action is Action.RETRIED:
        settles = DISPOSITIONS[outcome].action(FATAL_DELIVERY) is Action.QUARANTINED
        kind = SuspectPartError if settles else PartRetryError
        raise kind(f"{outcome}: {handled.result.message}")
    file = handled.result.file
    return {
        "outcome": str(outcome),
        "action": str(handled.action),
        "rows": None if file is None else file.rows,
        "scored": None if file is None else file.scored,
        "rejected": None if file is None else file.rejected,
    }
