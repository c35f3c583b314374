"""Queue messages: the example payloads in ``events/``, and the keys in them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from functions.shared.messages import read_message
from functions.shared.objects import InputObject
from functions.shared.outcomes import FATAL_DELIVERY, Action, Outcome

EVENTS = Path(__file__).resolve().parents[4] / "events"
INPUT = "churn-dev-input-123456789012-eu-west-1"
TABLE = dict(
    re.findall(
        r"^\| ((?:bad-)?batch-\S+) \| [^|]+ \| ([^|]+) \|$", (EVENTS / "README.md").read_text(), re.MULTILINE
    )
)
KEYS = {
    "batch-object-created": ["incoming/customers 2026+01.parquet"],
    "batch-notification": ["incoming/customers 2026+01.parquet"],
    "batch-two-objects": ["incoming/north.parquet", "incoming/south.parquet"],
}


def test_the_table_lists_every_payload() -> None:
    files = {path.stem for path in EVENTS.glob("*batch-*.json")} - {"predict-batch", "bad-empty-batch"}
    assert set(TABLE) == files


@pytest.mark.parametrize("name", TABLE)
def test_each_payload_has_the_outcome_in_the_table(name: str) -> None:
    (record,) = json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))["Records"]

    named = read_message(record["body"], INPUT)

    expected = [Outcome(text) for text in TABLE[name].split(", ")]
    found = [Outcome.SCORED if isinstance(item, InputObject) else item.outcome for item in named]
    assert found == expected
    assert [item.key for item in named if isinstance(item, InputObject)] == KEYS.get(name, [])


def test_both_message_formats_give_the_same_input() -> None:
    inputs = []
    for name in ("batch-object-created", "batch-notification"):
        (record,) = json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))["Records"]
        inputs += read_message(record["body"], INPUT)
    assert inputs[0] == inputs[1]


@pytest.mark.parametrize(
    ("encoded", "key"),
    [
        ("incoming/a%0Ab.parquet", "incoming/a\nb.parquet"),
        ("incoming/a%2Bb.parquet", "incoming/a+b.parquet"),
        ("incoming/a+b.parquet", "incoming/a b.parquet"),
        ("incoming/a%252Bb.parquet", "incoming/a%2Bb.parquet"),
        ("incoming/%F0%9F%99%82.parquet", "incoming/🙂.parquet"),
    ],
)
def test_b11_a_notifications_key_is_decoded_once(encoded: str, key: str) -> None:
    (record,) = json.loads((EVENTS / "batch-notification.json").read_text(encoding="utf-8"))["Records"]
    body = json.loads(record["body"])
    body["Records"][0]["s3"]["object"]["key"] = encoded
    (found,) = read_message(json.dumps(body), INPUT)
    assert isinstance(found, InputObject)
    assert found.key == key


def test_b11_a_key_with_invalid_utf_8_is_refused() -> None:
    (record,) = json.loads((EVENTS / "batch-notification.json").read_text(encoding="utf-8"))["Records"]
    body = json.loads(record["body"])
    body["Records"][0]["s3"]["object"]["key"] = "incoming/%FF.parquet"
    (found,) = read_message(json.dumps(body), INPUT)
    assert not isinstance(found, InputObject)
    assert found.outcome is Outcome.BAD_MESSAGE


def test_an_input_is_identified_by_bucket_key_and_version() -> None:
    source = InputObject("b", "k", "v", "e", 1)
    assert source.input_id == InputObject("b", "k", "v", "other etag", 2).input_id
    others = [
        InputObject("b2", "k", "v", "e", 1),
        InputObject("b", "k2", "v", "e", 1),
        InputObject("b", "k", "v2", "e", 1),
        InputObject("b", "k", None, "e", 1),
        InputObject("bk", "", "v", "e", 1),
    ]
    assert len({source.input_id, *(other.input_id for other in others)}) == 6


def test_no_example_payload_is_retried() -> None:
    outcomes = [Outcome(text) for row in TABLE.values() for text in row.split(", ")]
    assert all(
        outcome.action(delivery) is not Action.RETRIED
        for outcome in outcomes
        for delivery in (1, FATAL_DELIVERY)
    )
