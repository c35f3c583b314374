"""Guarantees G3, G5, G6 and G9; `test_bombs` tests G7, the crash points and schedules the others."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from churn_core.data import generate_sample_data
from churn_core.schema import CategoryFeature
from functions.batch.scoring_process import ScoringProcess
from functions.batch.scoring_task import INPUT_FILE, OUTPUT_FILE
from functions.pre_traffic.golden_rows import proxy_event
from functions.score import app as score_app
from functions.score.routes import loaded_predictor
from functions.shared.outcomes import NotScoredError, Outcome
from functions.shared.storage import EVENT_SOURCE
from tests.functional.batch.batch_stack import OUTPUT, BatchStack, message
from tests.functional.batch.corpus import parquet
from tests.functional.batch.scored_here import CUSTOMERS, MEMORY_MB, scored_here
from tests.functional.customer_files import CANARY
from tests.proof_figures import cases

if TYPE_CHECKING:
    from churn_core.scoring.bundle import Bundle


ODD_NUMBERS = st.one_of(st.none(), st.sampled_from([float("nan"), float("inf"), -1.0, 0.0, 5.5, 30.0, 1e39]))
ODD_TEXTS = st.one_of(st.none(), st.sampled_from(["", " ", "Two year", "two year", "x" * 257, "a\0b"]))


@settings(max_examples=cases(25, "CHURN_ROW_TABLES"), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.tuples(ODD_NUMBERS, ODD_NUMBERS, ODD_TEXTS, ODD_TEXTS), min_size=1, max_size=30),
    st.integers(1, 8),
)
def test_g3_every_row_appears_once_scored_or_rejected(
    sample_bundle: Path, tmp_path: Path, rows: list[tuple[Any, ...]], group: int
) -> None:
    tenure, charges, contract, identifier = zip(*rows, strict=True)
    table = pa.Table.from_pandas(CUSTOMERS.head(len(rows)), preserve_index=False)
    for name, values, kind in (
        ("tenure", tenure, pa.float64()),
        ("MonthlyCharges", charges, pa.float64()),
        ("Contract", contract, pa.string()),
        ("customerID", identifier, pa.string()),
    ):
        table = table.set_column(table.schema.get_field_index(name), name, pa.array(values, kind))

    out = scored_here(tmp_path, sample_bundle, parquet(table, row_group_size=group))

    assert out["row_number"].to_pylist() == list(range(len(rows)))
    scored = [status == "scored" for status in out["status"].to_pylist()]
    assert [code is None for code in out["reject_code"].to_pylist()] == scored
    assert [p is not None for p in out["churn_probability"].to_pylist()] == scored
    footer = pq.read_metadata(tmp_path / OUTPUT_FILE).metadata
    counts = [int(footer[f"churn.{name}".encode()]) for name in ("rows", "scored", "rejected")]
    assert counts == [len(rows), sum(scored), len(rows) - sum(scored)]


def test_g6_a_customer_has_the_same_score_in_batch_and_online(stack: BatchStack) -> None:
    put = stack.drop(parquet(pa.Table.from_pandas(CUSTOMERS, preserve_index=False)))
    loaded_predictor.cache_clear()
    online = score_app.lambda_handler(
        proxy_event(json.loads(CUSTOMERS.to_json(orient="records"))),
        stack.context,
    )
    loaded_predictor.cache_clear()

    answers = json.loads(online["body"])["predictions"]
    for column in ("churn_probability", "will_churn", "risk", "model_version"):
        assert stack.table(put)[column].to_pylist() == [answer[column] for answer in answers], column
    assert stack.table(put)["reason_1"].to_pylist() == [
        answer["reasons"][0]["feature"] if answer["reasons"] else None for answer in answers
    ]


def test_g5_fresh_processes_write_the_same_bytes(
    sample_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = parquet(pa.Table.from_pandas(generate_sample_data(20_000, seed=7), preserve_index=False))
    written = []
    for number in range(3):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / INPUT_FILE).write_bytes(table)
        ScoringProcess(sample_bundle, 10**9, MEMORY_MB).score(folder, {"churn.input.key": "k"}, 60)
        written.append((folder / OUTPUT_FILE).read_bytes())
    assert written[0] == written[1] == written[2]


def columns_with_the_canary(bundle: Bundle) -> dict[str, pd.DataFrame]:
    tables = {"extra": CUSTOMERS.assign(extra=CANARY), "name": CUSTOMERS.assign(**{CANARY: 1})}
    for feature in bundle.contract.features:
        table = CUSTOMERS.astype({feature.name: object})
        table[feature.name] = CANARY
        tables[feature.name] = table
        if isinstance(feature, CategoryFeature):
            tables[f"{feature.name} refused"] = table.assign(**{feature.name: f"{CANARY}\0"})
    return tables


def test_g9_customers_values_appear_only_in_the_id_column(
    stack: BatchStack, bundle: Bundle, in_process: Any
) -> None:
    in_process()
    sqs, events = boto3.client("sqs"), boto3.client("events")
    queue = sqs.create_queue(QueueName="events")["QueueUrl"]
    events.put_rule(Name="events", EventPattern=json.dumps({"source": [EVENT_SOURCE]}))
    events.put_targets(
        Rule="events", Targets=[{"Id": "1", "Arn": "arn:aws:sqs:eu-west-1:123456789012:events"}]
    )
    for place, table in columns_with_the_canary(bundle).items():
        put = stack.put(parquet(pa.Table.from_pandas(table, preserve_index=False)), "incoming/x.parquet")
        assert stack.deliver(message(put.event())) == [], place
    named = CUSTOMERS.assign(customerID=CANARY)
    put = stack.drop(parquet(pa.Table.from_pandas(named, preserve_index=False)))

    assert CANARY not in stack.log
    assert set(stack.table(put)["customerID"].to_pylist()) == {CANARY}
    for key in stack.versions():
        answer = stack.s3.get_object(Bucket=OUTPUT, Key=key)
        content = answer["Body"].read()
        assert CANARY not in key + json.dumps(answer["Metadata"])
        if key.startswith("quarantine/"):
            assert CANARY.encode() not in content
            continue
        scores = pq.read_table(pa.BufferReader(content))
        assert CANARY not in str(scores.drop_columns(["customerID"]).to_pylist())
        assert CANARY not in str(scores.schema.metadata)
        if key != stack.output_key(put):
            assert CANARY.encode() not in content
    while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
        assert CANARY not in json.dumps(messages)
        for received in messages:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=received["ReceiptHandle"])


def test_the_announcement_of_scores_says_where_they_are(
    stack: BatchStack, bundle: Bundle, customers: bytes
) -> None:
    sqs, events = boto3.client("sqs"), boto3.client("events")
    queue = sqs.create_queue(QueueName="events")["QueueUrl"]
    events.put_rule(Name="events", EventPattern=json.dumps({"detail-type": ["ChurnScored"]}))
    events.put_targets(
        Rule="events", Targets=[{"Id": "1", "Arn": "arn:aws:sqs:eu-west-1:123456789012:events"}]
    )

    put = stack.drop(customers)
    stack.deliver(message(put.event(), 2))

    events_sent = [
        json.loads(received["Body"])
        for received in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    ]
    # The first attempt may have died before it sent the event, so a repeated delivery sends it again.
    assert len(events_sent) == 2
    for event in events_sent:
        assert (event["source"], event["detail-type"]) == ("churn.batch", "ChurnScored")
        assert event["detail"] == {
            "input": {"bucket": put.bucket, "key": put.key, "versionId": put.version, "etag": put.etag},
            "output": {"bucket": OUTPUT, "key": stack.output_key(put)},
            "rows": 16,
            "scored": 16,
            "rejected": 0,
            "modelVersion": bundle.model_version,
            "modelDigest": bundle.model_digest,
        }


def test_an_outputs_footer_names_its_input_and_its_drift(
    stack: BatchStack, bundle: Bundle, customers: bytes
) -> None:
    put = stack.drop(customers)

    footer = stack.footer(put)
    assert footer["churn.input.bucket"] == put.bucket
    assert footer["churn.input.key"] == put.key
    assert footer["churn.input.version"] == put.version
    assert footer["churn.input.etag"] == put.etag
    assert footer["churn.input.sha256"] == hashlib.sha256(customers).hexdigest()
    assert footer["churn.model_digest"] == bundle.model_digest
    drift = json.loads(footer["churn.drift"])
    assert set(drift["columns"]) == set(bundle.contract.names)
    assert stack.metric("DriftedFiles") == int(drift["verdict"] != "stable")
    assert stack.metric("DriftedColumns") == len(drift["moved"])
    assert stack.metric("LargestColumnDrift") == max(c["psi"] for c in drift["columns"].values())
    assert stack.metric("ScoreDrift") == drift["scores"]["psi"]


def test_metrics_count_rows_bytes_and_times(stack: BatchStack, customers: bytes) -> None:
    put = stack.drop(customers)

    assert stack.metric("ScoredFiles") == 1
    assert (stack.metric("ScoredRows"), stack.metric("RejectedRows")) == (16, 0)
    assert stack.metric("InputBytes") == len(customers)
    assert stack.metric("OutputBytes") == len(stack.output(put))
    phases = [stack.metric(f"{phase}Time") for phase in ("Download", "Score", "Upload")]
    assert all(milliseconds is not None and milliseconds > 0 for milliseconds in phases)
    rate = stack.metric("RowsPerSecond")
    assert rate is not None
    assert rate == pytest.approx(16_000 / sum(filter(None, phases)), rel=0.01)


def test_a_full_disk_is_reported_as_no_space(sample_bundle: Path, tmp_path: Path) -> None:
    """The disk is full while the output is written (B34)."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("this user may not mount a small disk; run as root to try it")
    try:
        table = generate_sample_data(60_000, seed=1)
        content = parquet(pa.Table.from_pandas(table, preserve_index=False), compression="zstd")
        (tmp_path / "in").write_bytes(content)
        (disk / INPUT_FILE).symlink_to(tmp_path / "in")
        filler = shutil.disk_usage(disk).free - 600_000
        (disk / "filler").write_bytes(bytes(filler))
        with pytest.raises(NotScoredError) as full:
            ScoringProcess(sample_bundle, 10**9, MEMORY_MB).score(disk, {}, 60)
        assert full.value.outcome is Outcome.NO_SPACE
    finally:
        subprocess.run(["umount", disk], check=True)
