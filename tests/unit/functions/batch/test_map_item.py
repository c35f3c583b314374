"""Items of a run, and the answers to the state machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from functions.batch.delivery import Handled
from functions.batch.map_item import (
    MEMBER,
    BadItemError,
    MapItem,
    PartRetryError,
    SuspectPartError,
    item_answer,
)
from functions.batch.object_job import ObjectResult
from functions.shared.objects import InputObject
from functions.shared.outcomes import FATAL_DELIVERY, Action, Outcome

EVENTS = Path(__file__).resolve().parents[4] / "events"
PART = {"bucket": "b", "key": "backfill/a.parquet", "version_id": "v", "etag": "e", "size": 7}
ITEM = {"part": PART, "model_digest": "d", "attempt": 1}
SOURCE = InputObject("b", "backfill/a.parquet", "v", "e", 7)


def test_the_example_event_is_a_valid_item() -> None:
    event = json.loads((EVENTS / "backfill" / "item.json").read_text(encoding="utf-8"))
    assert MapItem.from_event(event[MEMBER]).source.key == "backfill/2026-11/part-0001.parquet"


def test_an_item_names_a_version_of_an_object() -> None:
    assert MapItem.from_event(ITEM) == MapItem(SOURCE, "d", 1)
    unversioned = MapItem.from_event(ITEM | {"part": PART | {"version_id": None}})
    assert unversioned.source.version_id is None


@pytest.mark.parametrize(
    "item",
    [
        None,
        {},
        ITEM | {"attempt": "x"},
        ITEM | {"part": None},
        ITEM | {"part": {**PART, "key": 1}},
        ITEM | {"part": {name: value for name, value in PART.items() if name != "etag"}},
    ],
)
def test_a_malformed_item_is_refused(item: Any) -> None:
    with pytest.raises(BadItemError):
        MapItem.from_event(item)


@pytest.mark.parametrize("outcome", Outcome)
@pytest.mark.parametrize("attempt", [1, FATAL_DELIVERY])
def test_each_outcome_is_an_answer_or_one_of_two_errors(outcome: Outcome, attempt: int) -> None:
    action = outcome.action(attempt)
    handled = Handled(ObjectResult(outcome, SOURCE, message="A sentence."), action)
    if action is not Action.RETRIED:
        assert item_answer(handled)["outcome"] == outcome
        return
    expected: type[Exception] = PartRetryError
    if outcome in (Outcome.TIMEOUT, Outcome.READER_CRASH, Outcome.NO_SPACE):
        expected = SuspectPartError
    with pytest.raises(expected, match=f"^{outcome}: A sentence.$"):
        item_answer(handled)
