"""Faults of storage, network, machine and model: rows B19 to B37 and C39 of the reliability contract."""

from __future__ import annotations

import ast
import json
import shutil
import signal
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from functions.batch import app, scoring_process
from functions.batch.scoring_process import ScoringProcess
from functions.shared import storage
from tests.functional.batch.batch_stack import INPUT, OUTPUT, BatchStack, deliver_again, message
from tests.functional.batch.lossy_proxy import Fault, LossyProxy, Rule

if TYPE_CHECKING:
    from collections.abc import Callable

    from functions.shared.objects import Description, InputObject


@pytest.mark.parametrize(("excess", "folder"), [(0, "scored"), (1, "quarantine")])
def test_b19_the_size_limit_is_inclusive(
    stack: BatchStack, customers: bytes, monkeypatch: pytest.MonkeyPatch, excess: int, folder: str
) -> None:
    monkeypatch.setenv("CHURN_MAX_OBJECT_BYTES", str(len(customers) - excess))
    app.load_deliveries.cache_clear()

    put = stack.drop(customers)

    assert [key.split("/")[0] for key in stack.versions()] == [folder]
    if excess:
        assert (stack.record(put)["code"], stack.record(put)["stage"]) == ("too-large", "describe")


def test_b19_a_large_object_is_not_even_downloaded(
    stack: BatchStack, proxy: LossyProxy, customers: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHURN_MAX_OBJECT_BYTES", "1")
    stack.drop(customers)

    assert [line.split()[0] for line in proxy.seen] == ["HEAD", "HEAD", "PUT"]


@pytest.mark.parametrize("kind", ["GLACIER", "DEEP_ARCHIVE"])
def test_b20_an_archived_object_leaves_a_record(stack: BatchStack, customers: bytes, kind: str) -> None:
    put = stack.drop(customers, StorageClass=kind)

    assert stack.record(put)["code"] == "archived"


def test_b20_an_object_that_is_archived_after_the_head_request_leaves_a_record_too(
    stack: BatchStack, customers: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if the HEAD request had not shown the storage class.
    monkeypatch.setattr(storage, "_ARCHIVE_CLASSES", ())

    put = stack.drop(customers, StorageClass="GLACIER")

    assert stack.record(put)["code"] == "archived"


@pytest.mark.parametrize("kind", ["GLACIER", "DEEP_ARCHIVE"])
def test_b20_an_archived_object_that_was_restored_is_scored(
    stack: BatchStack, customers: bytes, kind: str
) -> None:
    put = stack.put(customers, StorageClass=kind)
    stack.s3.restore_object(Bucket=INPUT, Key=put.key, RestoreRequest={"Days": 1})

    assert deliver_again(stack, put) == ["scored"]
    assert stack.versions() == [stack.output_key(put)]


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_b21_a_missing_right_is_not_the_objects_fault(
    stack: BatchStack, proxy: LossyProxy, customers: bytes, method: str
) -> None:
    proxy.rules.append(Rule(method, INPUT, 403))
    put = stack.put(customers)

    assert deliver_again(stack, put, times=5) == ["access-denied"] * 5
    assert stack.versions() == []
    assert stack.metric("RetriedByReason", reason="access-denied") == 5

    proxy.rules.clear()
    assert deliver_again(stack, put) == ["scored"]


@pytest.mark.parametrize("fault", [503, 500, "hang-up"])
def test_b22_a_short_outage_is_retried_within_the_delivery(
    stack: BatchStack, proxy: LossyProxy, customers: bytes, fault: Fault
) -> None:
    put = stack.put(customers)

    proxy.rules.append(Rule("GET", INPUT, fault, times=2))
    assert deliver_again(stack, put) == ["scored"]


def test_b22_a_long_outage_is_retried_by_the_queue(
    stack: BatchStack, proxy: LossyProxy, customers: bytes
) -> None:
    put = stack.put(customers)

    proxy.rules.append(Rule("GET", INPUT, 503))
    assert deliver_again(stack, put) == ["storage-unavailable"]
    assert sum(line.startswith("GET") for line in proxy.seen) == 4
    assert stack.versions() == []


@pytest.mark.parametrize("fault", ["cut-body", "flip-byte"])
def test_b23_a_damaged_transfer_is_read_again(
    stack: BatchStack, proxy: LossyProxy, customers: bytes, fault: Fault
) -> None:
    put = stack.put(customers)

    proxy.rules.append(Rule("GET", INPUT, fault, times=1))
    assert deliver_again(stack, put, times=2) == ["damaged-transfer", "scored"]
    assert stack.versions() == [stack.output_key(put)]


@pytest.mark.parametrize("difference", [-1, 1])
def test_b23_a_download_of_another_size_is_read_again(
    stack: BatchStack, customers: bytes, monkeypatch: pytest.MonkeyPatch, difference: int
) -> None:
    """The two requests can only differ if one of the answers is wrong."""
    put = stack.put(customers)
    described = storage.Storage.describe_input

    def wrong_size(self: storage.Storage, source: InputObject) -> Description:
        found = described(self, source)
        return replace(found, size=found.size + difference)

    with monkeypatch.context() as wrong:
        wrong.setattr(storage.Storage, "describe_input", wrong_size)
        assert deliver_again(stack, put) == ["damaged-transfer"]
    assert stack.versions() == []
    assert deliver_again(stack, put) == ["scored"]


def test_b24_while_the_output_bucket_fails_there_is_no_output(
    stack: BatchStack, proxy: LossyProxy, customers: bytes
) -> None:
    put = stack.put(customers)

    proxy.rules.append(Rule("PUT", OUTPUT, 503, times=4))
    assert deliver_again(stack, put) == ["storage-unavailable"]
    assert stack.versions() == []
    assert deliver_again(stack, put) == ["scored"]


def test_b25_a_lost_answer_causes_no_second_output(
    stack: BatchStack, proxy: LossyProxy, customers: bytes
) -> None:
    put = stack.put(customers)

    proxy.rules.append(Rule("PUT", OUTPUT, "lose-answer", times=1))
    assert deliver_again(stack, put) == ["scored"]
    assert stack.versions() == [stack.output_key(put)]
    assert sum(line.startswith("PUT") for line in proxy.seen) == 2


def test_b26_the_first_commit_wins(stack: BatchStack, proxy: LossyProxy, customers: bytes) -> None:
    put = stack.put(customers)

    def commit_other_bytes() -> None:
        stack.s3.put_object(Bucket=OUTPUT, Key=stack.output_key(put), Body=b"from another processor")

    proxy.rules.append(Rule("PUT", OUTPUT, commit_other_bytes, times=1))
    assert stack.deliver(message(put.event())) == []
    assert stack.outcomes() == ["divergent-output"]
    assert stack.metric("DivergentOutput") == 1
    assert stack.output(put) == b"from another processor"


def test_b26_the_same_bytes_from_another_attempt_are_not_divergent(
    stack: BatchStack, proxy: LossyProxy, customers: bytes
) -> None:
    """Two simultaneous attempts: the second commits just before the first."""
    put = stack.put(customers)

    def deliver_at_the_same_time() -> None:
        deliver_again(stack, put)

    proxy.rules.append(Rule("PUT", OUTPUT, deliver_at_the_same_time, times=1))

    assert stack.deliver(message(put.event())) == []

    assert stack.outcomes() == ["scored"] * 2
    assert stack.versions() == [stack.output_key(put)]


def test_b27_a_conflict_is_tried_again(stack: BatchStack, proxy: LossyProxy, customers: bytes) -> None:
    put = stack.put(customers)

    proxy.rules.append(Rule("PUT", OUTPUT, 409, times=2))
    assert deliver_again(stack, put) == ["scored"]

    other = stack.put(customers)
    proxy.rules.append(Rule("PUT", OUTPUT, 409))
    assert deliver_again(stack, other) == ["commit-conflict"]
    assert stack.versions() == [stack.output_key(put)]


def test_b29_scoring_does_not_start_without_time_for_the_output(stack: BatchStack, customers: bytes) -> None:
    stack.context.remaining_milliseconds = 20_000
    put = stack.put(customers)

    assert deliver_again(stack, put, times=5) == ["deadline"] * 5
    assert stack.versions() == []


def test_b29_c37_an_object_that_takes_too_long_gets_two_more_chances(
    stack: BatchStack, customers: bytes
) -> None:
    stack.context.remaining_milliseconds = 20_050
    put = stack.put(customers)

    assert deliver_again(stack, put, times=3) == ["timeout"] * 3

    assert stack.versions() == [stack.record_key(put)]
    assert (stack.metric("Retried"), stack.metric("Quarantined")) == (2, 1)


def test_b32_each_message_that_fails_is_named(stack: BatchStack, proxy: LossyProxy, customers: bytes) -> None:
    proxy.rules.append(Rule("HEAD", INPUT, 403))
    messages = [message(stack.put(customers).event()) for _ in range(3)]

    assert stack.deliver(*messages) == [record["messageId"] for record in messages]


def test_b27_b26_after_a_conflict_the_first_commit_still_wins(
    stack: BatchStack, proxy: LossyProxy, customers: bytes
) -> None:
    """Each repeated upload has the condition, not only the first."""
    put = stack.put(customers)

    def commit_other_bytes() -> None:
        stack.s3.put_object(Bucket=OUTPUT, Key=stack.output_key(put), Body=b"from another processor")

    proxy.rules += [Rule("PUT", OUTPUT, 409, times=1), Rule("PUT", OUTPUT, commit_other_bytes, times=1)]
    assert deliver_again(stack, put) == ["divergent-output"]
    assert stack.output(put) == b"from another processor"
    assert stack.versions() == [stack.output_key(put)]


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_b33_an_exception_that_ends_the_process_fails_the_whole_batch(
    stack: BatchStack, customers: bytes, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    """If an invocation fails, Lambda deletes none of its messages."""
    first, second = stack.put(customers), stack.put(customers)
    score = ScoringProcess.score
    calls: list[int] = []

    def die_the_second_time(self: ScoringProcess, *arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise error
        return score(self, *arguments)

    monkeypatch.setattr(ScoringProcess, "score", die_the_second_time)
    with pytest.raises(error):
        stack.deliver(message(first.event()), message(second.event()))
    assert stack.versions() == [stack.output_key(first)]

    assert stack.deliver(message(first.event(), 2), message(second.event(), 2)) == []
    assert stack.versions() == sorted([stack.output_key(first), stack.output_key(second)])


def test_b33_a_defect_of_one_object_leaves_the_others_alone(
    stack: BatchStack, customers: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = stack.put(customers), stack.put(customers)
    raised = iter([MemoryError("SSN-111-22-3333")])
    score = ScoringProcess.score

    def fail_once(self: ScoringProcess, *arguments: Any) -> Any:
        for error in raised:
            raise error
        return score(self, *arguments)

    monkeypatch.setattr(ScoringProcess, "score", fail_once)
    failed = message(first.event())
    assert stack.deliver(failed, message(second.event())) == [failed["messageId"]]
    assert stack.outcomes() == ["internal-error", "scored"]
    assert "SSN-111-22-3333" not in stack.log
    assert "MemoryError" in stack.log


def test_b34_files_of_a_killed_attempt_are_deleted(
    stack: BatchStack, environment: Path, customers: bytes
) -> None:
    left = environment / "churn-batch" / "tmp-of-a-killed-attempt"
    left.mkdir(parents=True)
    (left / "in.parquet").write_bytes(b"customers")

    stack.drop(customers)

    assert not left.exists()
    assert [path for path in environment.rglob("*") if path.is_file()] == []


def test_b34_a_full_disk_gives_two_more_chances(
    stack: BatchStack, customers: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = tempfile.mkdtemp

    def on_a_full_disk(**where: Any) -> str:
        folder: str = make(**where)
        Path(folder, "in.parquet").symlink_to("/dev/full")
        return folder

    monkeypatch.setattr(tempfile, "mkdtemp", on_a_full_disk)
    put = stack.put(customers)

    assert deliver_again(stack, put, times=3) == ["no-space"] * 3
    assert stack.versions() == [stack.record_key(put)]
    assert stack.record(put)["stage"] == "download"


def test_b35_each_model_has_its_own_output(
    stack: BatchStack, customers: bytes, bundle_of: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    put = stack.drop(customers)
    monkeypatch.setenv("CHURN_MODEL_DIR", str(bundle_of("random_forest")))
    app.load_deliveries.cache_clear()

    assert deliver_again(stack, put, times=2) == ["scored", "already-scored"]

    scored = stack.versions()
    assert len(scored) == 2
    assert all(key.endswith(f"/{put.input_id}.parquet") for key in scored)


@pytest.mark.parametrize("harm", ["missing", "altered"])
def test_b36_g10_without_its_model_the_function_scores_nothing(
    stack: BatchStack,
    customers: bytes,
    sample_bundle: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    harm: str,
) -> None:
    folder = tmp_path / "model"
    if harm == "altered":
        shutil.copytree(sample_bundle, folder)
        with (folder / "model.onnx").open("ab") as file:
            file.write(b"\0")
    monkeypatch.setenv("CHURN_MODEL_DIR", str(folder))
    app.load_deliveries.cache_clear()
    messages = [message(stack.put(customers).event()) for _ in range(2)]

    assert stack.deliver(*messages) == [record["messageId"] for record in messages]

    assert stack.versions() == []
    assert stack.metric("ModelUnavailable") == 2

    # The next invocation loads the model again.
    monkeypatch.setenv("CHURN_MODEL_DIR", str(sample_bundle))
    assert stack.deliver(*messages) == []


def test_b37_a_message_is_kept_until_its_record_is_written(stack: BatchStack, proxy: LossyProxy) -> None:
    put = stack.put(b"no Parquet")
    proxy.rules.append(Rule("PUT", "quarantine", 403))

    for record in (message(put.event(), delivery) for delivery in (1, 2)):
        assert stack.deliver(record) == [record["messageId"]]
    assert stack.outcomes() == ["access-denied"] * 2
    assert stack.versions() == []

    proxy.rules.clear()
    assert deliver_again(stack, put) == ["not-parquet"]
    assert stack.versions() == [stack.record_key(put)]


@pytest.mark.parametrize("end", ["signal", "exit", "silence", "nonsense", "link"])
def test_c39_a_reader_that_dies_gets_two_more_chances(
    stack: BatchStack, customers: bytes, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    scripts = {
        "signal": f"import os; os.kill(os.getpid(), {int(signal.SIGSEGV)})",
        "exit": "import os; os._exit(3)",
        "silence": "pass",
        "link": (
            "import json, os; os.symlink('/etc/passwd', 'out.parquet'); json.dump(dict(rows=1, scored=1,"
            " rejected=0, will_churn=0, rejects={}, unknown={}, drift=None), open('result.json', 'w'))"
        ),
        "nonsense": "open('result.json', 'w').write('{\"outcome\": \"fine\", \"message\": 1}')",
    }
    monkeypatch.setattr(scoring_process, "_BOOTSTRAP", scripts[end])
    put = stack.put(customers)

    assert deliver_again(stack, put, times=3) == ["reader-crash"] * 3
    assert stack.versions() == [stack.record_key(put)]


def test_the_process_that_reads_has_no_credentials(
    stack: BatchStack, customers: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "secret")
    seen = tmp_path / "seen"
    monkeypatch.setattr(
        scoring_process,
        "_BOOTSTRAP",
        f"import os; open({str(seen)!r}, 'w').write(repr(sorted(os.environ)))",
    )
    stack.deliver(message(stack.put(customers).event()))

    names = ast.literal_eval(seen.read_text())
    assert all(
        name in ("PATH", "HOME", "TMPDIR", "LC_CTYPE", "LD_LIBRARY_PATH", "ORT_DISABLE_TELEMETRY")
        or name.startswith("CHURN_")
        for name in names
    )
    assert {"PATH", "HOME", "TMPDIR", "ORT_DISABLE_TELEMETRY"} <= set(names)


def refused_events(name: str, patch: pytest.MonkeyPatch, proxy: LossyProxy) -> None:
    """Have EventBridge fail, or accept the request and refuse the event in it."""
    if name == "outage":
        proxy.rules.append(Rule("POST", "/", 503, times=4))
        return
    answer = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "InternalFailure"}]}
    client = app.load_deliveries()._job._storage._events
    patch.setattr(client, "put_events", lambda **_: answer)


@pytest.mark.parametrize("how", ["outage", "refusal"])
def test_a_failed_announcement_is_counted_and_the_message_is_done(
    stack: BatchStack, proxy: LossyProxy, customers: bytes, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """The output is there; S3's own event is the promise, and `ChurnScored` is best effort."""
    put = stack.put(customers)
    with monkeypatch.context() as patch:
        refused_events(how, patch, proxy)
        assert deliver_again(stack, put) == ["scored"]

    assert stack.versions() == [stack.output_key(put)]
    assert stack.metric("AnnouncementFailed") == 1
    (line,) = [line for line in stack.lines() if "action" in line]
    assert line["announcement_fault"].endswith(".")


def test_a_repeated_delivery_announces_the_scores_again(
    stack: BatchStack, proxy: LossyProxy, customers: bytes
) -> None:
    """The first attempt may have died after it had written the output."""
    put = stack.put(customers)

    assert deliver_again(stack, put, times=2) == ["scored", "already-scored"]
    assert sum(line.startswith("POST") for line in proxy.seen) == 2
    assert stack.metric("AnnouncementFailed") is None


def test_an_output_without_row_counts_is_not_announced_and_not_retried(
    stack: BatchStack, customers: bytes
) -> None:
    put = stack.put(customers)
    stack.s3.put_object(Bucket=OUTPUT, Key=stack.output_key(put), Body=b"of an older function")

    assert deliver_again(stack, put) == ["already-scored"]
    assert stack.metric("AnnouncementFailed") == 1


def test_an_output_that_was_not_announced_is_heard_of_after_the_next_model_is_deployed(
    stack: BatchStack,
    proxy: LossyProxy,
    customers: bytes,
    bundle_of: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The template has the output bucket send its events to EventBridge, at least one for each output."""
    sqs, events = boto3.client("sqs"), boto3.client("events")
    queue = sqs.create_queue(QueueName="outputs")["QueueUrl"]
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [OUTPUT]}}}
    events.put_rule(Name="outputs", EventPattern=json.dumps(pattern))
    events.put_targets(
        Rule="outputs", Targets=[{"Id": "1", "Arn": "arn:aws:sqs:eu-west-1:123456789012:outputs"}]
    )
    stack.s3.put_bucket_notification_configuration(
        Bucket=OUTPUT, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    put = stack.put(customers)
    proxy.rules.append(Rule("POST", "/", 503, times=4))

    assert deliver_again(stack, put) == ["scored"]
    by_first_model = stack.output_key(put)
    monkeypatch.setenv("CHURN_MODEL_DIR", str(bundle_of("random_forest")))
    app.load_deliveries.cache_clear()
    assert deliver_again(stack, stack.put(customers)) == ["scored"]

    received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    created = [json.loads(sent["Body"]) for sent in received]
    assert sorted({event["detail"]["object"]["key"] for event in created}) == stack.versions()
    assert by_first_model in stack.versions()
