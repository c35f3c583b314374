"""Messages that are malformed or whose job fails: their records and their messages."""

from __future__ import annotations

import re
from typing import Any, NoReturn

import pytest

from functions.batch.delivery import Deliveries, Handled
from functions.batch.object_job import ObjectResult
from functions.shared.objects import InputObject
from functions.shared.outcomes import Action, NotScoredError, Outcome

SOURCE = InputObject("b", "backfill/a.parquet", "v", "e", 7)
VALUE = "SSN-111-22-3333"


class Records:
    """Quarantine that remembers whose records were written, or that fails."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.written: list[str] = []
        self._fault = fault

    def write(self, result: ObjectResult, message_id: str) -> str:
        if self._fault is not None:
            raise self._fault
        self.written.append(message_id)
        return f"quarantine/{message_id}"


class Job:
    """Job that ends with an outcome, or with an error from deep inside."""

    model_digest = "d"

    def __init__(self, end: Outcome | Exception) -> None:
        self._end = end

    def run(self, source: InputObject, seconds_left: object) -> ObjectResult:
        if isinstance(self._end, Exception):
            fail(self._end, 4)
        return ObjectResult(self._end, source)


def fail(error: Exception, depth: int) -> NoReturn:
    if depth:
        fail(error, depth - 1)
    raise error


def handle_part(end: Outcome | Exception, records: Records, attempt: int = 1) -> Handled:
    deliveries = Deliveries(Job(end), records, "b")  # type: ignore[arg-type]
    return deliveries.handle_part(SOURCE, attempt, lambda: 60.0)


def handle(record: Any, records: Records) -> list[Handled]:
    deliveries = Deliveries(Job(Outcome.SCORED), records, "b")  # type: ignore[arg-type]
    return deliveries.handle(record, lambda: 60.0)


def test_an_unexpected_error_is_named_with_the_three_innermost_places_and_without_its_text() -> None:
    found = handle_part(MemoryError(VALUE), Records())
    assert (found.action, found.result.outcome) == (Action.RETRIED, Outcome.INTERNAL_ERROR)
    assert found.result.stage == "job"
    places = re.fullmatch(
        r"The function failed with MemoryError at \S+:(\d+); \S+:(\d+); \S+:(\d+)\.", found.result.message
    )
    assert places is not None, found.result.message
    first, second, third = map(int, places.groups())
    # The function that fails calls itself and then raises, one line below.
    assert first == second < third
    assert VALUE not in found.result.message


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (NotScoredError(Outcome.STORAGE_UNAVAILABLE, "S3 did not answer."), Outcome.STORAGE_UNAVAILABLE),
        (ValueError(VALUE), Outcome.INTERNAL_ERROR),
    ],
)
def test_a_fault_whose_record_can_not_be_written_is_tried_again(fault: Exception, outcome: Outcome) -> None:
    found = handle_part(Outcome.SCHEMA, Records(fault))
    assert (found.action, found.result.outcome, found.result.stage) == (
        Action.RETRIED,
        outcome,
        "quarantine",
    )
    assert found.result.source == SOURCE
    assert VALUE not in found.result.message


def test_only_a_quarantined_object_gets_a_record() -> None:
    records = Records()
    actions = [
        handle_part(end, records).action for end in (Outcome.SCORED, Outcome.DEADLINE, Outcome.SUPERSEDED)
    ]
    assert actions == [Action.SCORED, Action.RETRIED, Action.NO_OP]
    assert records.written == []
    found = handle_part(Outcome.SCHEMA, records)
    assert records.written == [SOURCE.input_id]
    assert found.result.output_key == f"quarantine/{SOURCE.input_id}"


def test_a_message_without_an_id_has_one_record_whatever_the_order_of_its_members() -> None:
    records = Records()
    for record in ({"messageId": 7, "body": "x"}, {"body": "x", "messageId": 7}):
        (found,) = handle(record, records)
        assert (found.action, found.result.outcome) == (Action.QUARANTINED, Outcome.BAD_MESSAGE)
    assert len(set(records.written)) == 1
    assert records.written[0].startswith("sha256-")


def test_a_part_of_another_bucket_is_refused() -> None:
    records = Records()
    deliveries = Deliveries(Job(Outcome.SCORED), records, "another")  # type: ignore[arg-type]
    found = deliveries.handle_part(SOURCE, 1, lambda: 60.0)
    assert found.action is not Action.SCORED
    assert found.result.message
