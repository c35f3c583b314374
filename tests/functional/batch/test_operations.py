"""`churn locate` and `churn redrive` against a stack with the names of the template."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from churn_core.cli import main
from functions.batch import app
from tests.functional.batch.batch_stack import INPUT, OUTPUT, BatchStack, message

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def named(stack: BatchStack) -> BatchStack:
    """The stack with its queues, under the names of the template."""
    sqs = boto3.client("sqs")
    for name in ("churn-dev-inputs", "churn-dev-inputs-dead"):
        sqs.create_queue(QueueName=name)
    return stack


@pytest.fixture
def churn(capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Run a command with --json; return what it printed, or the error if it must fail."""

    def run(*words: str, fails: bool = False) -> Any:
        capsys.readouterr()
        exit_code = main([*words, "--json"])
        printed = capsys.readouterr()
        assert exit_code == int(fails), printed.err
        assert "Traceback" not in printed.err
        return json.loads(printed.err)["error"] if fails else json.loads(printed.out)

    return run


def queued_messages(queue: str = "churn-dev-inputs") -> list[dict[str, Any]]:
    """Take all messages of a queue, in the format in which the function gets them."""
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    taken = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
        for received in messages:
            taken.append(message(received["Body"], message_id=received["MessageId"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=received["ReceiptHandle"])
    return taken


def test_the_scores_of_an_object_are_found(
    named: BatchStack, customers: bytes, churn: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    put = named.drop(customers, "incoming/last night.parquet")

    address = f"s3://{OUTPUT}/{named.output_key(put)}"
    assert churn("locate", f"s3://{INPUT}/{put.key}") == {
        "scored": [{"address": address, "rows": 16, "scored": 16, "rejected": 0}],
        "quarantined": None,
    }
    assert main(["locate", f"s3://{INPUT}/{put.key}"]) == 0
    assert capsys.readouterr().out == f"{address}  (16 rows, 16 scored, 0 rejected)\n"


def test_each_version_has_its_own_scores(
    named: BatchStack, customers: bytes, churn: Callable[..., Any]
) -> None:
    first, second = named.drop(customers), named.drop(customers)

    def found(*more: str) -> str:
        (scored,) = churn("locate", f"s3://{INPUT}/{first.key}", *more)["scored"]
        return str(scored["address"])

    assert found().endswith(named.output_key(second))
    assert first.version is not None
    assert found("--version-id", first.version).endswith(named.output_key(first))
    named.s3.delete_object(Bucket=INPUT, Key=first.key, VersionId=first.version)
    assert found("--version-id", first.version).endswith(named.output_key(first))


def test_locate_prints_why_an_object_is_in_quarantine(
    named: BatchStack, churn: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    put = named.drop(b"no Parquet")

    assert churn("locate", f"s3://{INPUT}/{put.key}")["quarantined"]["code"] == "not-parquet"
    main(["locate", f"s3://{INPUT}/{put.key}"])
    assert capsys.readouterr().out.startswith("quarantined as not-parquet: ")


def test_locate_says_in_one_sentence_why_it_finds_nothing(
    named: BatchStack, customers: bytes, churn: Callable[..., Any]
) -> None:
    named.put(customers)
    assert "no scores yet" in churn("locate", f"s3://{INPUT}/incoming/customers.parquet", fails=True)
    assert "does not exist" in churn("locate", f"s3://{INPUT}/incoming/other.parquet", fails=True)
    assert "s3://bucket/key" in churn("locate", "customers.parquet", fails=True)
    assert "--output-bucket" in churn("locate", "s3://elsewhere/incoming/x.parquet", fails=True)
    assert "no such version" in churn(
        "locate", f"s3://{INPUT}/incoming/customers.parquet", "--version-id", "v", fails=True
    )
    assert "NoSuchBucket" in churn(
        "locate", "s3://no-input-1/incoming/x.parquet", "--version-id", "v", fails=True
    )


def test_redrive_lists_nothing_in_an_empty_stack(named: BatchStack, churn: Callable[..., Any]) -> None:
    assert churn("redrive") == {"unscored": [], "skipped": [], "requeued": []}
    assert main(["redrive"]) == 0


def test_an_input_is_scored_after_the_cause_was_fixed(
    named: BatchStack,
    customers: bytes,
    churn: Callable[..., Any],
    sample_bundle: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The row limit was too low; with a higher one the same object is scored."""
    monkeypatch.setenv("CHURN_MAX_ROWS", "3")
    app.load_deliveries.cache_clear()
    put = named.drop(customers)
    main(["redrive"])
    listing = capsys.readouterr().out
    assert "too-many-rows" in listing
    assert "customers.parquet" in listing

    assert churn("redrive", "--code", "too-many-rows")["requeued"] == [put.input_id]
    (again,) = queued_messages()
    # It stays in the list until the queue has handled it.
    (waiting,) = churn("redrive")["unscored"]
    assert (waiting["name"], waiting["requeued"]) == (put.input_id, 1)
    assert "no scores yet" in churn("locate", f"s3://{INPUT}/{put.key}", fails=True)

    monkeypatch.delenv("CHURN_MAX_ROWS")
    app.load_deliveries.cache_clear()
    assert named.deliver(again) == []
    assert named.table(put).num_rows == 16
    assert churn("redrive")["unscored"] == []
    assert churn("locate", f"s3://{INPUT}/{put.key}")["scored"]


def test_what_fails_again_is_in_quarantine_again(named: BatchStack, churn: Callable[..., Any]) -> None:
    put = named.drop(b"no Parquet")
    assert churn("redrive", "--id", put.input_id)["requeued"] == [put.input_id]

    assert named.deliver(*queued_messages()) == []

    (back,) = churn("redrive")["unscored"]
    assert (back["name"], back["code"], back["requeued"]) == (put.input_id, "not-parquet", 0)


def test_a_dead_letter_is_queued_again(
    named: BatchStack, customers: bytes, churn: Callable[..., Any]
) -> None:
    put = named.put(customers)
    sqs = boto3.client("sqs")
    dead = sqs.get_queue_url(QueueName="churn-dev-inputs-dead")["QueueUrl"]
    sqs.send_message(QueueUrl=dead, MessageBody=json.dumps(put.event()))

    (letter,) = churn("redrive")["unscored"]
    assert (letter["place"], letter["name"]) == ("dead-letter", put.input_id)
    # Listing neither deletes dead letters nor hides them from the next reader.
    assert len(churn("redrive")["unscored"]) == 1

    assert churn("redrive", "--all")["requeued"] == [put.input_id]
    assert queued_messages("churn-dev-inputs-dead") == []
    assert named.deliver(*queued_messages()) == []
    assert named.table(put).num_rows == 16


def test_a_record_without_an_object_is_listed_but_not_queued(
    named: BatchStack, churn: Callable[..., Any]
) -> None:
    named.deliver(message("{}"))

    assert churn("redrive", "--all")["requeued"] == []
    (listed,) = churn("redrive")["unscored"]
    assert (listed["code"], listed["address"]) == ("bad-message", None)


GARBAGE: dict[str, bytes] = {
    "empty.json": b"",
    "binary.json": b"\x80\x00",
    "number.json": b"3",
    "list.json": b"[]",
    "nothing.json": b"{}",
    "deep.json": b"[" * 100_000,
    "large.json": b" " * 2_000_000,
    "code-only.json": b'{"code": "x"}',
    "code-of-another-type.json": b'{"code": 1, "detail": "d", "key": null}',
    "no-detail.json": b'{"code": "x", "key": null}',
    "key-of-another-type.json": b'{"code": "x", "detail": "d", "bucket": [], "key": 1}',
    "no-version.json": b'{"code": "x", "detail": "d", "bucket": "b", "key": "k"}',
    "counter-of-another-type.json": b'{"code": "x", "detail": "d", "key": null, "requeued": "often"}',
    "notes \x1b[2J.txt": b"Ask the producer of this file.",
}


def test_other_objects_in_the_quarantine_are_named_counted_and_skipped(
    named: BatchStack, churn: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    put = named.drop(b"no Parquet")
    s3 = boto3.client("s3")
    for name, content in GARBAGE.items():
        s3.put_object(Bucket=OUTPUT, Key=f"quarantine/{name}", Body=content)
    archived = {"Bucket": OUTPUT, "Key": "quarantine/archived.json", "StorageClass": "GLACIER"}
    s3.put_object(**archived, Body=b"{}")
    record = {"Bucket": OUTPUT, "Key": f"quarantine/{put.input_id}.json"}
    s3.copy_object(CopySource=record, Bucket=OUTPUT, Key="quarantine/copy.json")

    found = churn("redrive", "--all")
    assert found["requeued"] == [put.input_id]
    others = sorted([*GARBAGE, "archived.json", "copy.json"])
    assert found["skipped"] == [f"quarantine/{name}" for name in others]
    assert len(found["unscored"]) == len(queued_messages()) == 1

    main(["redrive"])
    listing = capsys.readouterr().out
    assert f"Not quarantine records, skipped ({len(others)}): " in listing
    assert "quarantine/number.json" in listing
    assert "\x1b" not in listing


def test_an_object_in_the_place_of_a_record_is_no_record(
    named: BatchStack, churn: Callable[..., Any]
) -> None:
    put = named.put(b"no Parquet")
    s3 = boto3.client("s3")
    for content in GARBAGE.values():
        s3.put_object(Bucket=OUTPUT, Key=f"quarantine/{put.input_id}.json", Body=content)
        assert "no scores yet" in churn("locate", f"s3://{INPUT}/{put.key}", fails=True)

    assert named.deliver(message(put.event())) == []

    assert churn("locate", f"s3://{INPUT}/{put.key}")["quarantined"]["code"] == "not-parquet"


def test_unknown_stacks_and_ids_are_named(named: BatchStack, churn: Callable[..., Any]) -> None:
    assert "no stack other" in churn("redrive", "--stack", "other", fails=True)
    assert "id x" in churn("redrive", "--id", "x", fails=True)


def test_a_failed_connection_to_aws_is_one_sentence(
    environment: Path, churn: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    assert "connection to AWS failed" in churn("redrive", fails=True)
