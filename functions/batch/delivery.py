"""Handle one delivery of a queue message: score each object that it names."""

from __future__ import annotations

import hashlib
import json
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from functions.batch.object_job import ObjectResult
from functions.shared.messages import bad_message, check_place, read_delivery, read_message, read_message_id
from functions.shared.outcomes import Action, NotScoredError, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from functions.batch.object_job import ObjectJob
    from functions.batch.quarantine import Quarantine
    from functions.shared.objects import InputObject


@dataclass(frozen=True, slots=True)
class Handled:
    """The result of one object, and the action that followed."""

    result: ObjectResult
    action: Action


class Deliveries:
    """Handles the messages of the queue.

    Parameters
    ----------
    job : ObjectJob
    quarantine : Quarantine
    input_bucket : str
        Objects of other buckets are refused.
    """

    def __init__(self, job: ObjectJob, quarantine: Quarantine, input_bucket: str) -> None:
        self._job = job
        self._quarantine = quarantine
        self._input_bucket = input_bucket

    @property
    def model_digest(self) -> str:
        """Digest of the model that scores the objects."""
        return self._job.model_digest

    def handle(self, record: Any, seconds_left: Callable[[], float]) -> list[Handled]:
        """Handle a message in the format in which SQS passes it to a Lambda.

        Parameters
        ----------
        record : Any
            ``messageId``, ``body`` and ``attributes`` are read; any of them may be missing or malformed.
        seconds_left : callable
            Returns the seconds until the invocation ends.

        Returns
        -------
        list of Handled
            One for each object, or one for a message that names none. The message is done unless one of
            the actions is ``retried``.
        """
        message_id = read_message_id(record)
        if message_id is None:
            # The same malformed message gets the same record each time.
            content = json.dumps(record, sort_keys=True).encode()
            identity = f"sha256-{hashlib.sha256(content).hexdigest()}"
            return [self._settle(self._run(bad_message(), seconds_left), identity, delivery=1)]
        return [
            self._settle(self._run(named, seconds_left), message_id, read_delivery(record))
            for named in read_message(record.get("body"), self._input_bucket)
        ]

    def handle_part(self, source: InputObject, attempt: int, seconds_left: Callable[[], float]) -> Handled:
        """Handle one part of a backfill run, for which there is no message.

        Parameters
        ----------
        source : InputObject
        attempt : int
            From 1; has the same effect as the number of a delivery.
        seconds_left : callable
            Returns the seconds until the invocation ends.
        """
        named: InputObject | NotScoredError = source
        try:
            check_place(source, self._input_bucket)
        except NotScoredError as fault:
            named = fault
        return self._settle(self._run(named, seconds_left), source.input_id, attempt)

    def _run(self, named: InputObject | NotScoredError, seconds_left: Callable[[], float]) -> ObjectResult:
        if isinstance(named, NotScoredError):
            return ObjectResult(named.outcome, source=None, message=str(named), stage="message")
        try:
            return self._job.run(named, seconds_left)
        except Exception as error:  # noqa: BLE001
            # One object must not fail its neighbours; the queue retries it.
            return ObjectResult(Outcome.INTERNAL_ERROR, named, message=_place(error), stage="job")

    def _settle(self, result: ObjectResult, message_id: str, delivery: int) -> Handled:
        action = result.outcome.action(delivery)
        if action is Action.QUARANTINED:
            try:
                result.output_key = self._quarantine.write(result, message_id)
            except NotScoredError as fault:
                # Without a record, deleting the message would lose the input silently.
                return _unrecorded(result, fault.outcome, str(fault))
            except Exception as error:  # noqa: BLE001
                return _unrecorded(result, Outcome.INTERNAL_ERROR, _place(error))
        return Handled(result, action)


def _unrecorded(result: ObjectResult, outcome: Outcome, message: str) -> Handled:
    return Handled(ObjectResult(outcome, result.source, message, "quarantine"), Action.RETRIED)


def _place(error: Exception) -> str:
    """Say where an unexpected error came from, without its text: libraries may quote customers' values."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    where = "; ".join(f"{frame.filename}:{frame.lineno}" for frame in frames)
    return f"The function failed with {type(error).__name__} at {where}."
