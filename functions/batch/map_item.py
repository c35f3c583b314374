"""One item of a backfill run: the batch function's other event format.

A state machine calls the function once for each part and waits for the answer. An error ends the call if
the part must be tried again; the state machine's retries depend on the error's type.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from functions.shared.objects import COUNTS, InputObject, is_whole
from functions.shared.outcomes import FATAL_DELIVERY, Action

if TYPE_CHECKING:
    from functions.batch.delivery import Handled

MEMBER: Final = "backfill"
"""Only events of this format have this member."""


class PartRetryError(Exception):
    """AWS, the network or the model failed; the part is not the cause, so it is retried many times."""


class SuspectPartError(Exception):
    """The machine or the part may be the cause; the third attempt decides."""


class ModelChangedError(Exception):
    """The function has another model than the run was planned with."""


class BadItemError(Exception):
    """The event is not an item of a run."""


@dataclass(frozen=True, slots=True)
class MapItem:
    """A part to score.

    Attributes
    ----------
    source : InputObject
        The part's version; its etag in a bucket without versions.
    model_digest : str
        The model with which the run was planned.
    attempt : int
        From 1; has the same effect as the number of a queue's delivery.
    """

    source: InputObject
    model_digest: str
    attempt: int

    @classmethod
    def from_event(cls, item: Any) -> Self:
        """Read the event's member.

        Raises
        ------
        BadItemError
            If it has another format.
        """
        fault = BadItemError("The event is not an item of a run; start runs with 'churn backfill'.")
        members = item if isinstance(item, dict) else {}
        digest, attempt = members.get("model_digest"), members.get("attempt")
        if not (isinstance(digest, str) and is_whole(attempt)):
            raise fault
        try:
            return cls(InputObject.from_part(members["part"]), digest, attempt)
        except (KeyError, TypeError, ValueError) as error:
            raise fault from error


def item_answer(handled: Handled) -> dict[str, Any]:
    """Return the answer to the state machine; it contains no key and no customer's value.

    Raises
    ------
    PartRetryError, SuspectPartError
        If the part must be tried again.
    """
    outcome = handled.result.outcome
    if handled.action is Action.RETRIED:
        is_suspect = outcome.action(FATAL_DELIVERY) is Action.QUARANTINED
        kind = SuspectPartError if is_suspect else PartRetryError
        raise kind(f"{outcome}: {handled.result.message}")
    counts = {name: getattr(handled.result.file, name, None) for name in COUNTS}
    return {"outcome": str(outcome), "action": str(handled.action), **counts}
