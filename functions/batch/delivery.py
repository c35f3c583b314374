"""One delivery of a queue message: what becomes of each object that it speaks of."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from functions.batch.object_job import ObjectResult
from functions.shared.messages import check_place, read_message
from functions.shared.outcomes import DISPOSITIONS, Action, NotScoredError, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from functions.batch.object_job import ObjectJob
    from functions.batch.quarantine import Quarantine
    from functions.shared.objects import InputObject


@dataclass(frozen=True, slots=True)
class Handled:
    """One object's result, and what was done about it."""

    result: ObjectResult
    action: Action


class Deliveries:
    """Handles the messages of the queue.

    Parameters
    ----------
    job : ObjectJob
    quarantine : Quarantine
    input_bucket : str
        The only bucket from which objects are taken.
    """

    def __init__(self, job: ObjectJob, quarantine: Quarantine, input_bucket: str) -> None:
        self._job = job
        self._quarantine = quarantine
        self._input_bucket = input_bucket

    @property
    def model_digest(self) -> str:
        """Digest of the model by which objects are scored."""
        return self._job.model_digest

    def handle(self, record: dict[str, Any], seconds_left: Callable[[], float]) -> list[Handled]:
        """Handle a message as SQS hands it to a Lambda.

        Parameters
        ----------
        record : dict
            ``messageId``, ``body`` and ``attributes`` are read.
        seconds_left : callable
            Returns what is left of the invocation.

        Returns
        -------
        list of Handled
            One for each object, or one for a message that names none. The message is done unless one of
            them is to be retried.
        """
        delivery = int(record.get("attributes", {}).get("ApproximateReceiveCount", 1))
        return [
            self._settle(self._result(named, seconds_left), record["messageId"], delivery)
            for named in read_message(record["body"], self._input_bucket)
        ]

    def handle_part(self, source: InputObject, attempt: int, seconds_left: Callable[[], float]) -> Handled:
        """Handle one object that a run names, and no message.

        Parameters
        ----------
        source : InputObject
        attempt : int
            From 1, as deliveries are counted.
        seconds_left : callable
            Returns what is left of the invocation.
        """
        named: InputObject | NotScoredError = source
        try:
            check_place(source, self._input_bucket)
        except NotScoredError as fault:
            named = fault
        return self._settle(self._result(named, seconds_left), source.input_id, attempt)

    def _result(self, named: InputObject | NotScoredError, seconds_left: Callable[[], float]) -> ObjectResult:
        if isinstance(named, NotScoredError):
            return ObjectResult(named.outcome, source=None, message=str(named), stage="message")
        try:
            return self._job.run(named, seconds_left)
        except Exception as error:  # noqa: BLE001
            # The last resort: one object must not fail the others of its message, and the queue is what
            # retries. The error's text is left out: libraries may quote values in it.
            where = "; ".join(
                f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)[-3:]
            )
            message = f"The function failed with {type(error).__name__} at {where}."
            return ObjectResult(Outcome.INTERNAL_ERROR, named, message=message, stage="job")

    def _settle(self, result: ObjectResult, message_id: str, delivery: int) -> Handled:
        action = DISPOSITIONS[result.outcome].action(delivery)
        if action is Action.QUARANTINED:
            try:
                result.output_key = self._quarantine.write(result, message_id)
            except NotScoredError as fault:
                # Without a record the message must come again, or nobody would know.
                return Handled(
                    ObjectResult(fault.outcome, result.source, str(fault), "quarantine"), Action.RETRIED
                )
        return Handled(result, action)
