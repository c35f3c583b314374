"""Faults of S3 and of the network: rows B19 to B27 of the reliability contract."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from functions.batch import app
from functions.shared import storage
from tests.functional.batch.batch_stack import INPUT, OUTPUT, BatchStack, deliver_again, message
from tests.functional.batch.faults.lossy_proxy import Fault, LossyProxy, Rule

if TYPE_CHECKING:
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
