"""The manifest describes existing outputs, or it is not written."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import boto3
import pyarrow.parquet as pq
import pytest

from churn_core.cli import main
from functions.backfill import plan as plans
from functions.backfill import storage
from functions.backfill.runs import load_runs
from functions.backfill.storage import BackfillStorage
from functions.batch import app as batch_app
from tests.functional.batch.backfill.parts import GARBAGE
from tests.functional.batch.backfill.run_stack import BACKFILL, PREFIX, RunStack
from tests.functional.batch.batch_stack import INPUT, OUTPUT, message

if TYPE_CHECKING:
    from collections.abc import Callable


def step(runs: RunStack, name: str, run: dict[str, Any]) -> dict[str, Any]:
    """Call the backfill function for a step; return its answer or its error."""
    body, _ = runs.answer(BACKFILL, {"step": name, "run": run})
    answer: dict[str, Any] = json.loads(body)
    return answer


def finish(runs: RunStack) -> dict[str, Any]:
    return step(runs, "finish", step(runs, "plan", {"prefix": PREFIX}))


@pytest.fixture
def scored(runs: RunStack, customers: bytes) -> str:
    """The output's key of a run with one part, whose manifest was deleted."""
    runs.put(customers)
    run = runs.run()
    (output,) = runs.manifest(run)["outputs"]
    runs.batch.s3.delete_object(Bucket=OUTPUT, Key=run["manifest_key"])
    return str(output["output"])


def change(runs: RunStack, key: str, body: Callable[[bytes], bytes], **metadata: str) -> None:
    found = runs.batch.s3.get_object(Bucket=OUTPUT, Key=key)
    content = found["Body"].read()
    runs.batch.s3.put_object(
        Bucket=OUTPUT, Key=key, Body=body(content), Metadata=found["Metadata"] | metadata
    )


def without_first_row(content: bytes) -> bytes:
    table = pq.read_table(io.BytesIO(content))
    changed = io.BytesIO()
    pq.write_table(
        table.slice(1).replace_schema_metadata(pq.read_metadata(io.BytesIO(content)).metadata), changed
    )
    return changed.getvalue()


def with_damaged_counts(content: bytes) -> bytes:
    return content.replace(b'"flagged":[', b'"flagged":{', 1)


@pytest.mark.parametrize(
    ("body", "metadata", "sentence"),
    [
        (bytes, {"rows": "17"}, "16 rows, but its metadata says 17"),
        (bytes, {"rejected": "1"}, "16 scored and 1 rejected"),
        (bytes, {"scored": "15", "rejected": "1"}, "rejects by code"),
        (bytes, {"rows": "x"}, "no row counts"),
        (without_first_row, {}, "15 rows, but its metadata says 16"),
        (lambda content: content[:-1], {}, "not a complete Parquet file"),
        (lambda content: b"", {}, "not a complete Parquet file"),
        (with_damaged_counts, {}, "drift counts"),
    ],
)
def test_an_output_whose_rows_do_not_add_up_is_named(
    runs: RunStack, scored: str, body: Callable[[bytes], bytes], metadata: dict[str, str], sentence: str
) -> None:
    change(runs, scored, body, **metadata)
    error = finish(runs)
    assert error["errorType"] == "UnbalancedRunError"
    assert scored in error["errorMessage"]
    assert sentence in error["errorMessage"]


def test_an_output_without_drift_counts_is_left_out_of_the_drift_only(runs: RunStack, scored: str) -> None:
    change(runs, scored, lambda content: content.replace(b"churn.drift_counts", b"churn.drift_other_"))
    run = finish(runs)
    assert (run["rows"], runs.manifest(run)["drift"]["of_parts"]) == (16, 0)


def test_a_footer_longer_than_the_first_read_is_read_completely(
    runs: RunStack, scored: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    real = BackfillStorage._read_end

    def read_end(self: BackfillStorage, size: int, which: dict[str, str]) -> Any:
        asked.append(size)
        return real(self, size, which)

    monkeypatch.setattr(storage, "TAIL_BYTES", 16)
    monkeypatch.setattr(BackfillStorage, "_read_end", read_end)
    assert finish(runs)["rows"] == 16
    assert asked[0] == 16 < asked[1]


def test_a_record_whose_input_was_queued_again_does_not_count(
    runs: RunStack, capsys: pytest.CaptureFixture[str]
) -> None:
    runs.put(GARBAGE)
    run = runs.run()
    runs.batch.s3.delete_object(Bucket=OUTPUT, Key=run["manifest_key"])
    for queue in ("churn-dev-inputs", "churn-dev-inputs-dead"):
        boto3.client("sqs").create_queue(QueueName=queue)
    assert main(["redrive", "--all"]) == 0

    assert finish(runs)["errorType"] == "IncompleteRunError"
    # The queue handles parts of runs, too.
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName="churn-dev-inputs")["QueueUrl"]
    (queued,) = sqs.receive_message(QueueUrl=url)["Messages"]
    record = {"messageId": "m", "body": queued["Body"], "attributes": {"ApproximateReceiveCount": "1"}}
    assert runs.batch.deliver(record) == []
    assert finish(runs)["parts"]["not_scored_by_code"] == {"not-parquet": 1}


def test_a_record_by_another_model_does_not_count(runs: RunStack, monkeypatch: pytest.MonkeyPatch) -> None:
    (part,) = runs.put(GARBAGE)
    with monkeypatch.context() as older:
        older.setattr(batch_app.load_deliveries()._quarantine, "_model_digest", "0" * 64)
        assert runs.batch.deliver(message(part.event())) == []
    assert runs.batch.record(part)["model_digest"] == "0" * 64

    assert finish(runs)["errorType"] == "IncompleteRunError"
    assert runs.run()["parts"]["not_scored_by_code"] == {"not-parquet": 1}
    assert runs.batch.record(part)["model_digest"] == runs.batch.bundle.model_digest


def test_a_manifest_is_never_replaced(runs: RunStack, customers: bytes) -> None:
    first, _ = runs.put(customers, GARBAGE)
    run = runs.run()
    before = runs.manifest(run)
    runs.batch.s3.delete_object(Bucket=OUTPUT, Key=runs.batch.output_key(first))

    assert finish(runs) == run
    assert runs.manifest(run) == before


def test_a_prefix_with_too_many_parts_is_refused(
    runs: RunStack, customers: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs.put(customers, customers)
    monkeypatch.setattr(plans, "MAX_PARTS", 2)
    assert step(runs, "plan", {"prefix": PREFIX})["parts"] == 2
    monkeypatch.setattr(plans, "MAX_PARTS", 1)
    assert step(runs, "plan", {"prefix": PREFIX})["errorType"] == "TooManyPartsError"


@pytest.mark.parametrize(
    ("event", "error"),
    [
        ({}, "BadRequestError"),
        ({"step": "other", "run": {}}, "BadRequestError"),
        ({"step": "plan", "run": None}, "BadRequestError"),
        ({"step": "plan", "run": {"prefix": PREFIX, "concurrency": 0}}, "BadRequestError"),
        ({"step": "plan", "run": {"prefix": PREFIX, "concurrency": True}}, "BadRequestError"),
        ({"step": "plan", "run": {"prefix": PREFIX, "tolerated_failure_percentage": 101}}, "BadRequestError"),
        ({"step": "plan", "run": {"prefix": PREFIX}}, "EmptyPrefixError"),
        ({"step": "plan", "run": {"prefix": PREFIX, "run_id": "no"}}, "UnknownRunError"),
        ({"step": "finish", "run": {"prefix": PREFIX, "run_id": "no"}}, "ModelChangedError"),
    ],
)
def test_invalid_steps_raise_errors_of_known_types(runs: RunStack, event: dict[str, Any], error: str) -> None:
    body, errored = runs.answer(BACKFILL, event)
    assert (errored, json.loads(body)["errorType"]) == (True, error)


def test_concurrency_is_limited_by_the_stacks_setting(
    runs: RunStack, customers: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs.put(customers)
    monkeypatch.setenv("CHURN_BACKFILL_CONCURRENCY", "7")
    load_runs.cache_clear()
    found = [step(runs, "plan", {"prefix": PREFIX, "concurrency": n})["concurrency"] for n in (None, 3, 99)]
    assert found == [7, 3, 7]


def test_a_finished_run_sends_an_event_and_metrics(
    runs: RunStack, customers: bytes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(load_runs()._storage, "announce", lambda detail, kind: sent.append((kind, detail)))
    runs.put(customers, GARBAGE)
    capsys.readouterr()
    run = runs.run()

    ((kind, detail),) = sent
    assert kind == "ChurnBackfilled"
    assert detail == {
        "input": {"bucket": INPUT, "prefix": PREFIX},
        "manifest": {"bucket": OUTPUT, "key": run["manifest_key"]},
        "runId": run["run_id"],
        "parts": 2,
        "notScoredParts": 1,
        "rows": 16,
        "scored": 16,
        "rejected": 0,
        "modelVersion": run["model_version"],
        "modelDigest": run["model_digest"],
    }
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "BackfilledRuns" in line]
    (measured,) = lines
    names = ("BackfilledRuns", "BackfilledParts", "BackfilledRows", "UnscoredParts")
    assert [measured[name] for name in names] == [[1.0], [1.0], [16.0], [1.0]]
