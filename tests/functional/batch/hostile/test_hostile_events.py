"""Events with hostile members: one bad message leaves one record, and its neighbours are scored."""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from functions.backfill import app as backfill_app
from functions.backfill import runs as backfill_runs
from functions.backfill.errors import BackfillError
from functions.backfill.runs import load_runs
from functions.batch import app
from functions.batch.map_item import MEMBER, BadItemError, ModelChangedError, PartRetryError
from functions.shared.messages import BadEventError
from functions.shared.objects import InputObject
from tests.functional.batch.batch_stack import INPUT, KEY, OUTPUT, Context, Put, message
from tests.functional.batch.hostile.hostile_values import changed, members
from tests.functional.batch.interruptions.model_s3 import ModelS3
from tests.functional.batch.interruptions.test_schedules import Stamp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from churn_core.scoring.bundle import Bundle

CONTEXT: Any = Context()
SOURCE = Put(KEY, 4, "0" * 32, "v1")
SHAPES: dict[str, Any] = {
    "event": SOURCE.event(),
    "notification": {"Records": [SOURCE.notification()]},
    "two objects": {"Records": [SOURCE.notification(), SOURCE.notification()]},
    "test event": {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": INPUT},
}


@pytest.fixture
def s3(environment: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelS3]:
    """An S3 in memory behind both functions, with one object and one neighbour."""
    model = ModelS3()
    monkeypatch.setenv("CHURN_ANNOUNCE", "false")
    monkeypatch.setattr(app, "s3_client", lambda: model)
    monkeypatch.setattr(backfill_runs, "s3_client", lambda _: model)
    monkeypatch.setattr(app, "ScoringProcess", lambda *_: Stamp("d" * 64))
    app.load_deliveries.cache_clear()
    load_runs.cache_clear()
    model.put_object(Bucket=INPUT, Key=KEY, Body=b"good")
    yield model
    load_runs.cache_clear()


def neighbour(s3: ModelS3) -> Put:
    """Put an object that is scored between the malformed messages."""
    body = b"neighbour"
    answer = s3.put_object(Bucket=INPUT, Key="incoming/neighbour.parquet", Body=body)
    return Put("incoming/neighbour.parquet", len(body), answer["ETag"].strip('"'), answer["VersionId"])


def invoke(*records: Any) -> tuple[list[str], list[dict[str, Any]]]:
    """Invoke the function; return the messages to deliver again, and the log line of each object."""
    written = io.StringIO()
    handler = app.logger.registered_handler
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(written):
        patch.setattr(handler, "stream", written)
        answer = app.lambda_handler({"Records": list(records)}, CONTEXT)
    lines = [json.loads(line) for line in written.getvalue().splitlines() if line]
    failed = [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
    return failed, [line for line in lines if "action" in line]


def check_neighbour_and_records(s3: ModelS3, records: list[Any]) -> None:
    """Deliver malformed messages around a good one; each must have its own outcome, none is retried."""
    put = neighbour(s3)
    failed, lines = invoke(*records[::2], message(put.event()), *records[1::2])

    assert failed == []
    assert {line["action"] for line in lines} <= {"scored", "quarantined", "no-op"}
    assert len(lines) >= len(records) + 1
    found = s3.bodies(OUTPUT)
    assert [key for key in found if put.input_id in key and key.startswith("scored/")]
    assert all(len(versions) == 1 for versions in found.values())
    for line in lines:
        if line["action"] == "quarantined":
            assert json.loads(found[line["output_key"]][0])["code"] == line["message"]


@pytest.mark.parametrize("shape", SHAPES)
def test_b7_each_hostile_member_of_a_messages_body_leaves_its_neighbours_alone(
    s3: ModelS3, shape: str
) -> None:
    for path in members(SHAPES[shape]):
        bodies = list(changed(SHAPES[shape], path))
        check_neighbour_and_records(
            s3, [message(json.dumps(body), message_id=f"{path}-{n}") for n, body in enumerate(bodies)]
        )


@pytest.mark.parametrize("digits", [400, 5_000])
def test_b7_a_size_with_thousands_of_digits_leaves_its_neighbours_alone(s3: ModelS3, digits: int) -> None:
    for shape in ("event", "notification"):
        text = json.dumps(SHAPES[shape]).replace('"size": 4', f'"size": 1{"0" * digits}')
        assert text != json.dumps(SHAPES[shape])
        check_neighbour_and_records(s3, [message(text)])


def test_b7_each_hostile_member_of_the_queues_envelope_leaves_its_neighbours_alone(s3: ModelS3) -> None:
    for path in members(message(SOURCE.event())):
        check_neighbour_and_records(s3, list(changed(message(SOURCE.event()), path)))


def test_b7_a_message_without_an_id_that_can_not_be_recorded_fails_the_whole_batch(
    s3: ModelS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lambda deletes none of the messages if the invocation fails."""
    put = neighbour(s3)
    unnamed = message(SOURCE.event()) | {"messageId": 7}

    def refuse(**_: Any) -> Any:
        raise PermissionError

    real = s3.put_object
    monkeypatch.setattr(
        s3, "put_object", lambda **more: (refuse if "quarantine" in more["Key"] else real)(**more)
    )
    with pytest.raises(BadEventError):
        invoke(unnamed, message(put.event()))
    monkeypatch.undo()


def test_events_without_messages_are_refused_by_type(s3: ModelS3) -> None:
    event = {"Records": [message(SOURCE.event())]}
    for hostile in changed(event, ("Records",)):
        with contextlib.suppress(BadEventError):
            app.lambda_handler(hostile, CONTEXT)
    for hostile in changed(event, ()):
        with pytest.raises(BadEventError):
            app.lambda_handler(hostile, CONTEXT)


def test_each_hostile_member_of_a_map_item_ends_in_an_answer_or_a_typed_error(
    s3: ModelS3, bundle: Bundle
) -> None:
    part = asdict(InputObject(INPUT, KEY, "v1", "0" * 32, 4))
    item = {"part": part, "model_digest": bundle.model_digest, "attempt": 1}
    ends = set()
    for path in members(item):
        for hostile in changed(item, path):
            try:
                answer = app.lambda_handler({MEMBER: hostile}, CONTEXT)
                ends.add(answer["outcome"])
            except (BadItemError, ModelChangedError, PartRetryError) as error:
                ends.add(type(error).__name__)
    assert ends == {
        *("BadItemError", "ModelChangedError"),
        *("scored", "already-scored", "gone", "superseded", "foreign", "not-an-input"),
    }


def test_each_hostile_member_of_a_runs_step_ends_in_an_answer_or_a_typed_error(s3: ModelS3) -> None:
    call = partial(backfill_app.lambda_handler, context=CONTEXT)
    planned = call({"step": "plan", "run": {"prefix": "incoming/"}})
    app.lambda_handler(
        {
            MEMBER: {
                "part": asdict(InputObject(INPUT, KEY, "v1", "0" * 32, 4)),
                "model_digest": planned["model_digest"],
                "attempt": 1,
            }
        },
        Context(),
    )
    steps = [
        {
            "step": "plan",
            "writes": True,
            "run": {
                "prefix": "incoming/",
                "bucket": INPUT,
                "run_id": None,
                "concurrency": 2,
                "tolerated_failure_percentage": 0,
                "dry_run": False,
            },
        },
        {"step": "progress", "run": planned},
        {"step": "finish", "run": planned},
    ]
    answered = refused = 0
    for step in steps:
        for path in members(step):
            for hostile in changed(step, path):
                try:
                    call(hostile)
                    answered += 1
                except BackfillError:
                    refused += 1
    assert answered
    assert refused


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"{}", b"\xff", b'{"code": 7}', b"[" * 100_000])
def test_content_that_is_no_record_is_replaced_by_one(s3: ModelS3, content: bytes) -> None:
    unreadable = neighbour(s3)
    s3.delete_object(Bucket=INPUT, Key=unreadable.key, VersionId=unreadable.version)
    key = f"quarantine/{unreadable.input_id}.json"
    s3.put_object(Bucket=OUTPUT, Key=key, Body=content)

    failed, lines = invoke(message(unreadable.event()))

    assert (failed, [line["message"] for line in lines]) == ([], ["gone"])
    assert json.loads(s3.bodies(OUTPUT)[key][-1])["code"] == "gone"
