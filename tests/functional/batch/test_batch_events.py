"""Messages of the queue: rows B1 to B18 and B38 of the reliability contract."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from churn_core.models.bundle.golden_rows import RANDOM_ROWS
from functions.batch import app
from functions.shared.messages import BadEventError
from tests.functional.batch.batch_stack import INPUT, KEY, OUTPUT, BatchStack, Put, message

if TYPE_CHECKING:
    from collections.abc import Callable

    from churn_core.scoring.bundle import Bundle

EVENTS = Path(__file__).resolve().parents[3] / "events"


def test_an_object_becomes_its_scores(stack: BatchStack, bundle: Bundle, customers: bytes) -> None:
    put = stack.drop(customers)

    assert stack.versions() == [stack.output_key(put)]
    table, golden = stack.table(put), bundle.manifest["golden_rows"][:RANDOM_ROWS]
    assert table["row_number"].to_pylist() == list(range(len(golden)))
    assert table["churn_probability"].to_pylist() == [row["churn_probability"] for row in golden]
    assert table["will_churn"].to_pylist() == [row["will_churn"] for row in golden]
    assert set(table["model_version"].to_pylist()) == {bundle.model_version}


def test_b1_a_message_that_comes_twice_changes_nothing(stack: BatchStack, customers: bytes) -> None:
    put = stack.drop(customers)
    again = message(put.event(), delivery=2)

    assert stack.deliver(again) == []
    assert stack.deliver(again, again) == []

    assert stack.versions() == [stack.output_key(put)]
    assert stack.outcomes() == ["scored", *["already-scored"] * 3]
    assert stack.metric("Skipped", reason="already-scored") == 3


def test_b2_events_may_come_in_any_order(stack: BatchStack, customers: bytes) -> None:
    first, second = stack.put(customers), stack.put(customers + b"")

    assert stack.deliver(message(second.event()), message(first.event())) == []

    assert stack.versions() == sorted([stack.output_key(first), stack.output_key(second)])


def test_b3_an_overwritten_object_is_read_in_the_events_own_version(
    stack: BatchStack, customers: bytes
) -> None:
    first = stack.put(customers)
    stack.put(b"no Parquet")

    assert stack.deliver(message(first.event())) == []

    assert stack.versions() == [stack.output_key(first)]


def test_b4_without_versions_an_overwritten_object_is_left_to_its_next_event(
    stack: BatchStack, customers: bytes
) -> None:
    stack.s3.put_bucket_versioning(Bucket=INPUT, VersioningConfiguration={"Status": "Suspended"})
    first = stack.put(customers)
    second = stack.put(b"no Parquet")
    event = Put(KEY, first.size, first.etag, version="null").event()

    assert stack.deliver(message(event)) == []
    assert (stack.outcomes(), stack.versions()) == (["superseded"], [])
    assert stack.metric("Skipped", reason="superseded") == 1

    assert stack.deliver(message(Put(KEY, second.size, second.etag, version=None).event())) == []
    assert stack.outcomes()[1:] == ["not-parquet"]


@pytest.mark.parametrize("versioned", [True, False])
def test_b5_a_deleted_object_leaves_a_record(stack: BatchStack, customers: bytes, versioned: bool) -> None:
    put = stack.put(customers)
    which = {"VersionId": put.version} if versioned else {}
    stack.s3.delete_object(Bucket=INPUT, Key=KEY, **which)
    named = put if versioned else Put(KEY, put.size, put.etag, version=None)

    assert stack.deliver(message(named.event())) == []

    assert stack.versions() == [stack.record_key(named)]
    assert (stack.record(named)["code"], stack.record(named)["stage"]) == ("gone", "describe")


def test_b6_the_test_event_of_s3_is_no_failure(stack: BatchStack) -> None:
    tried = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": INPUT}

    assert stack.deliver(message(tried)) == []

    assert (stack.outcomes(), stack.versions()) == (["test-event"], [])


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        "null",
        "1",
        '"text"',
        "{}",
        '{"Records": []}',
        '{"Records": null}',
        '{"Records": [null]}',
        '{"Records": [{"eventSource": "aws:sns"}]}',
        '{"source": "aws.s3"}',
        '{"source": "aws.s3", "detail-type": "Object Created"}',
        '{"source": "somebody", "detail-type": "Object Created"}',
        "[" * 100_000,
    ],
)
def test_b7_a_malformed_message_leaves_a_record(stack: BatchStack, body: str) -> None:
    odd = message(body, message_id="059f36b4-87a3-44ab-83d2-661975830a7d")

    assert stack.deliver(odd) == []
    assert stack.deliver(odd) == []

    (key,) = stack.versions()
    record = json.loads(stack.s3.get_object(Bucket=OUTPUT, Key=key)["Body"].read())
    assert (record["code"], record["message_id"], record["key"]) == ("bad-message", odd["messageId"], None)
    assert stack.metric("QuarantinedByCode", code="bad-message") == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"key": None},
        {"key": 7},
        {"key": ""},
        {"key": "incoming/\ud800.parquet"},
        {"etag": None},
        {"etag": ""},
        {"size": "many"},
        {"version-id": 3},
    ],
)
def test_b7_an_event_that_names_no_object_leaves_a_record(
    stack: BatchStack, customers: bytes, changes: dict[str, Any]
) -> None:
    assert stack.deliver(message(stack.put(customers).event(**changes))) == []

    assert stack.outcomes() == ["bad-message"]
    assert [key.split("/")[0] for key in stack.versions()] == ["quarantine"]


def test_b8_each_object_of_a_message_has_its_own_outcome(stack: BatchStack, customers: bytes) -> None:
    good, bad = stack.put(customers, "incoming/good.parquet"), stack.put(b"x", "incoming/bad.parquet")

    assert stack.deliver(message({"Records": [good.notification(), bad.notification()]})) == []

    assert stack.versions() == sorted([stack.output_key(good), stack.record_key(bad)])


def test_b8_a_message_is_retried_if_one_of_its_objects_must_be(
    stack: BatchStack, customers: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, hurried = stack.put(customers, "incoming/a.parquet"), stack.put(customers, "incoming/b.parquet")
    both = message({"Records": [good.notification(), hurried.notification()]})
    # The time is read after each piece of a download, and before scoring.
    remaining = iter([300_000, 300_000, 1_000])
    monkeypatch.setattr(stack.context, "get_remaining_time_in_millis", lambda: next(remaining, 300_000))

    assert stack.deliver(both) == [both["messageId"]]
    assert stack.versions() == [stack.output_key(good)]

    assert stack.deliver(both) == []
    assert stack.versions() == sorted([stack.output_key(good), stack.output_key(hurried)])


@pytest.mark.parametrize(
    "name",
    ["ObjectRemoved:Delete", "ObjectRestore:Completed", "ObjectTagging:Put", "LifecycleExpiration:Delete"],
)
def test_b9_events_of_other_types_are_skipped(stack: BatchStack, customers: bytes, name: str) -> None:
    put = stack.put(customers)

    assert stack.deliver(message({"Records": [put.notification(name)]})) == []
    assert stack.deliver(message(put.event() | {"detail-type": "Object Deleted"})) == []

    assert (stack.outcomes(), stack.versions()) == (["event-type"] * 2, [])


@pytest.mark.parametrize("how", ["Put", "Copy", "Post", "CompleteMultipartUpload"])
def test_b10_every_way_of_creating_an_object_counts(stack: BatchStack, customers: bytes, how: str) -> None:
    put = stack.put(customers)

    assert stack.deliver(message({"Records": [put.notification(f"ObjectCreated:{how}")]})) == []

    assert stack.versions() == [stack.output_key(put)]


ODD_KEYS = {
    "b11-blank": "incoming/last night.parquet",
    "b11-plus": "incoming/a+b.parquet",
    "b11-percent": "incoming/a%2Bb%25.parquet",
    "b11-accent": "incoming/é.parquet",
    "b11-emoji": "incoming/🙂.parquet",
    "b11-marks": "incoming/&'\".parquet",
    "b12-brackets": "incoming/x[1].parquet",
    "b12-star": "incoming/x*.parquet",
    "b12-question": "incoming/x?.parquet",
    "b13-partition": "incoming/Contract=Two year/tenure=7/x.parquet",
    "b14-upwards": "incoming/../../etc/passwd.parquet",
    "b14-slashes": "incoming//x.parquet",
    "b14-sql": "incoming/'; DROP TABLE scored; --.parquet",
    "b14-control": "incoming/\x01.parquet",
    "b14-long": "incoming/" + "x" * 1_007 + ".parquet",
    "capitals": "incoming/X.PARQUET",
}


@pytest.mark.parametrize("shape", ["event", "notification"])
@pytest.mark.parametrize("name", ODD_KEYS)
def test_an_odd_key_names_exactly_its_object(
    stack: BatchStack,
    in_process: Callable[[], None],
    bundle: Bundle,
    customers: bytes,
    name: str,
    shape: str,
) -> None:
    """Rows B11 to B14: EventBridge does not encode keys; S3's own notifications form-url-encode them."""
    in_process()
    # Objects that a pattern, or a key that is decoded twice, would find instead.
    for other in ("incoming/x1.parquet", "incoming/a b.parquet", "incoming/a+b%.parquet"):
        if other != ODD_KEYS[name]:
            stack.put(b"another", other)
    put = stack.put(customers, ODD_KEYS[name])
    body = put.event() if shape == "event" else {"Records": [put.notification()]}

    assert stack.deliver(message(body)) == []

    assert stack.versions() == [stack.output_key(put)]
    assert all(key.isascii() and len(key) <= 200 for key in stack.versions())
    assert stack.footer(put)["churn.input.key"] == ODD_KEYS[name]
    scores = [row["churn_probability"] for row in bundle.manifest["golden_rows"][:RANDOM_ROWS]]
    assert stack.table(put)["churn_probability"].to_pylist() == scores


@pytest.mark.parametrize(
    "key",
    [
        "incoming/",
        "incoming/night/",
        "incoming/customers.csv",
        "incoming/_SUCCESS",
        "elsewhere/x.parquet",
        "incoming",
    ],
)
def test_b15_objects_that_are_not_inputs_are_skipped(stack: BatchStack, key: str) -> None:
    assert stack.deliver(message(stack.put(b"", key).event())) == []

    assert (stack.outcomes(), stack.versions()) == (["not-an-input"], [])
    assert stack.metric("Skipped", reason="not-an-input") == 1


@pytest.mark.parametrize(
    ("bucket", "key"),
    [
        (OUTPUT, "incoming/x.parquet"),
        (OUTPUT, "scored/model=0/x.parquet"),
        (INPUT, "scored/model=0/x.parquet"),
        (INPUT, "quarantine/x.parquet"),
    ],
)
def test_b16_the_functions_own_output_is_never_its_input(stack: BatchStack, bucket: str, key: str) -> None:
    foreign = Put(key, 1, "e", "v", bucket)

    assert stack.deliver(message(foreign.event()), message({"Records": [foreign.notification()]})) == []

    assert (stack.outcomes(), stack.versions()) == (["foreign"] * 2, [])
    assert stack.metric("ForeignObjects") == 2


def test_b17_a_new_minor_version_of_the_event_is_read(stack: BatchStack, customers: bytes) -> None:
    put = stack.put(customers)
    record = put.notification(version="2.99", novelty={"x": 1})

    assert stack.deliver(message({"Records": [record]})) == []

    assert stack.versions() == [stack.output_key(put)]


def test_b17_a_new_major_version_of_the_event_is_refused(stack: BatchStack, customers: bytes) -> None:
    put = stack.put(customers)
    event = put.event()
    event["detail"]["version"] = "1"

    assert stack.deliver(message({"Records": [put.notification(version="3.0")]}), message(event)) == []

    assert stack.outcomes() == ["unsupported-event"] * 2


def test_b18_the_limit_applies_to_the_size_that_s3_reports(
    stack: BatchStack, customers: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHURN_MAX_OBJECT_BYTES", str(len(customers)))
    app.load_deliveries.cache_clear()
    put = stack.put(customers)

    assert stack.deliver(message(put.event(size=10**12))) == []

    assert stack.versions() == [stack.output_key(put)]


@pytest.mark.parametrize("time", ["2099-01-01T00:00:00Z", "1970-01-01T00:00:00Z", ""])
def test_b38_the_time_of_an_event_has_no_effect(stack: BatchStack, customers: bytes, time: str) -> None:
    put = stack.put(customers)

    assert stack.deliver(message(put.event() | {"time": time})) == []

    assert stack.versions() == [stack.output_key(put)]


def test_an_event_of_another_service_raises(stack: BatchStack) -> None:
    with pytest.raises(BadEventError, match="queue"):
        app.lambda_handler({"httpMethod": "GET"}, stack.context)
