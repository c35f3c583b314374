"""Guarantees G3, G5, G6, G7 and G9; the crash points and schedules test the others."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from churn_core.data import generate_sample_data
from churn_core.schema import CategoryFeature
from functions.batch.scoring_child import run_task
from functions.batch.scoring_process import MEMORY_SHARE, ScoringProcess, parse_result
from functions.batch.scoring_task import INPUT_FILE, OUTPUT_FILE, ScoringTask
from functions.pre_traffic.golden_rows import proxy_event
from functions.score import app as score_app
from functions.score.routes import loaded_predictor
from functions.shared.outcomes import NotScoredError, Outcome
from functions.shared.storage import EVENT_SOURCE
from tests.functional.batch.batch_stack import OUTPUT, BatchStack, message
from tests.functional.batch.corpus import claiming_codec, claiming_rows, lying_footers, page_claiming, parquet
from tests.functional.customer_files import CANARY
from tests.proof_figures import cases, record_figure

if TYPE_CHECKING:
    from collections.abc import Callable

    from churn_core.scoring.bundle import Bundle

MEMORY_MB = 1_769
CUSTOMERS = generate_sample_data(30, seed=2).drop(columns="Churn")


def scored_here(folder: Path, model: Path, content: bytes) -> pa.Table:
    (folder / INPUT_FILE).write_bytes(content)
    parse_result(run_task(folder, ScoringTask(str(model), {}, 10**9, MEMORY_MB, cpu_seconds=0)))
    return pq.read_table(folder / OUTPUT_FILE)


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


def many_rows_from_little(_: pa.Table) -> bytes:
    """A footer that claims 200,000,001 equal rows."""
    table = pa.table({"tenure": pa.array(np.zeros(1_000_000, dtype=np.int8))})
    return claiming_rows(parquet(table, compression="zstd"), 1_000_000, 200_000_001)


def long_texts_from_little(table: pa.Table) -> bytes:
    texts = pa.array(["x" * 1_000_000]).take(pa.array(np.zeros(400, dtype=np.int64)))
    return parquet(pa.table({"Contract": texts}), compression="zstd", use_dictionary=False)


def one_long_text_with_a_false_footer(table: pa.Table) -> bytes:
    texts = pa.array(["x" * 300_000_000, *["Two year"] * (table.num_rows - 1)])
    table = table.set_column(table.schema.get_field_index("Contract"), "Contract", texts)
    content = parquet(table, compression="zstd", use_dictionary=False, write_statistics=False)
    group = pq.read_metadata(pa.BufferReader(content)).row_group(0)
    largest = max(group.column(place).total_uncompressed_size for place in range(group.num_columns))
    return claiming_rows(claiming_rows(content, largest, 100), group.total_byte_size, 1_000)


def many_long_texts_with_a_false_footer(table: pa.Table) -> bytes:
    texts = pa.array(["x" * 200_000_000] * 4)
    table = table.slice(0, 4)
    table = table.set_column(table.schema.get_field_index("Contract"), "Contract", texts)
    content = parquet(table, compression="zstd", use_dictionary=False, write_statistics=False)
    group = pq.read_metadata(pa.BufferReader(content)).row_group(0)
    largest = max(group.column(place).total_uncompressed_size for place in range(group.num_columns))
    return claiming_rows(claiming_rows(content, largest, 100), group.total_byte_size, 1_000)


def page_of_one_text(codec: str, claim: int | None = None) -> Callable[[pa.Table], bytes]:
    """Return a maker of a page of 250 MB, small in the file, of which the footer says that it is small.

    With a claim, the page's own header says it too.
    """

    def make(table: pa.Table) -> bytes:
        texts = pa.array(["x" * 250_000_000, *["Two year"] * (table.num_rows - 1)])
        table = table.drop_columns(["Contract"]).append_column("Contract", texts)
        written = "lz4" if codec == "lz4 of Hadoop" else codec
        content = parquet(table, compression=written, use_dictionary=False, write_statistics=False)
        if claim is not None:
            content = page_claiming(content, claim)
        group = pq.read_metadata(pa.BufferReader(content)).row_group(0)
        largest = max(group.column(place).total_uncompressed_size for place in range(group.num_columns))
        content = claiming_rows(claiming_rows(content, largest, 100), group.total_byte_size, 1_000)
        # The field `codec` of each column: 7 is LZ4_RAW, 5 the older LZ4 in Hadoop's frames.
        return claiming_codec(content, 7, 5) if codec == "lz4 of Hadoop" else content

    return make


CODECS = ("snappy", "gzip", "brotli", "zstd", "lz4", "lz4 of Hadoop")
BOMBS = {
    "c27-rows": (many_rows_from_little, {"too-many-rows"}),
    "c27-texts": (long_texts_from_little, {"too-large"}),
    "c28-one-text": (one_long_text_with_a_false_footer, {"too-large", "resource-limit"}),
    "c28-many-texts": (many_long_texts_with_a_false_footer, {"too-large", "resource-limit"}),
    # A damaged stream may be noticed before its size is.
    **{
        f"c28-{codec}": (page_of_one_text(codec), {"too-large", "resource-limit", "corrupt"})
        for codec in CODECS
        if codec in ("gzip", "lz4") or cases(0, "CHURN_PAIRS")
    },
    **{
        f"c28-{codec}-with-a-false-header": (page_of_one_text(codec, claim=1_000), {"corrupt"})
        for codec in CODECS
        if codec in ("snappy", "brotli") or cases(0, "CHURN_PAIRS")
    },
}


# A function with more memory may well read one text of 250 MB.
BOMBS_AND_MEMORY = [(name, 512) for name in BOMBS] + [
    (name, MEMORY_MB) for name in BOMBS if cases(0, "CHURN_PAIRS") and name[4:] not in CODECS
]


@pytest.mark.parametrize(("name", "memory_mb"), BOMBS_AND_MEMORY)
def test_g7_a_decompression_bomb_stays_within_the_limits(
    sample_bundle: Path, tmp_path: Path, name: str, memory_mb: int
) -> None:
    make, codes = BOMBS[name]
    content = make(pa.Table.from_pandas(CUSTOMERS, preserve_index=False))
    (tmp_path / INPUT_FILE).write_bytes(content)
    process = ScoringProcess(sample_bundle, 200_000_000, memory_mb)

    started = time.monotonic()
    with pytest.raises(NotScoredError) as refused:
        process.score(tmp_path, {}, seconds=60)
    seconds = time.monotonic() - started

    assert refused.value.outcome in codes
    # The watchdog checks fifty times a second, so the process may exceed its limit a little in between.
    assert process.peak_kilobytes < memory_mb * 1_024 * (MEMORY_SHARE + 0.1)
    left = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) - len(content)
    assert left < 10**6
    record_figure(
        f"Bomb {name} of {len(content):,} bytes in {memory_mb} MB: {refused.value.outcome}",
        f"{process.peak_kilobytes // 1_024} MB at most, {seconds:.1f} s, {left:,} bytes left on disk",
    )


TYPED = {"corrupt", "too-large", "too-many-rows", "resource-limit"}


def outcome_and_scores(folder: Path, model: Path, content: bytes) -> tuple[str, pa.Table | None]:
    """Score a file in this process; a file that is not scored leaves no output."""
    (folder / OUTPUT_FILE).unlink(missing_ok=True)
    try:
        return "scored", scored_here(folder, model, content)
    except NotScoredError as fault:
        assert not (folder / OUTPUT_FILE).exists()
        return fault.outcome, None


def same_scores_or_a_typed_fault(
    folder: Path, model: Path, sound: pa.Table, files: dict[str, bytes]
) -> Counter[str]:
    """Score damaged copies of a file; return the outcomes."""
    outcomes: Counter[str] = Counter()
    for name, content in files.items():
        outcome, found = outcome_and_scores(folder, model, content)
        assert outcome == "scored" or outcome in TYPED, name
        assert found is None or found.equals(sound), name
        outcomes[outcome] += 1
    return outcomes


def test_c25_c26_one_wrong_number_in_the_footer_never_changes_a_score(
    sample_bundle: Path, tmp_path: Path
) -> None:
    table = pa.Table.from_pandas(CUSTOMERS, preserve_index=False)
    sound = scored_here(tmp_path, sample_bundle, parquet(table))
    few = [0, -1, 2**62]

    def claims(true: int) -> list[int]:
        return [
            *few,
            true + 1,
            *([1, true - 1, 10 * true, 2**31, -(2**62)] if cases(0, "CHURN_PAIRS") else []),
        ]

    outcomes = same_scores_or_a_typed_fault(tmp_path, sample_bundle, sound, lying_footers(table, claims))

    assert outcomes["corrupt"] > outcomes["scored"]
    assert outcomes.keys() == {"scored", *TYPED}
    record_figure(
        "Footers with one wrong count, size or place: the same scores, or a typed fault",
        f"{outcomes.total()}: {outcomes['scored']} scored, {outcomes.total() - outcomes['scored']} refused",
    )


def test_c27_a_negative_size_hides_no_other_size(sample_bundle: Path, tmp_path: Path) -> None:
    """The limit applies to a sum."""
    table = pa.Table.from_pandas(CUSTOMERS, preserve_index=False)
    content = parquet(table)
    sizes = [
        pq.read_metadata(pa.BufferReader(content)).row_group(0).column(place).total_uncompressed_size
        for place in (5, 18)
    ]
    hidden = claiming_rows(claiming_rows(content, sizes[0], 2**62), sizes[1], -(2**62))

    assert outcome_and_scores(tmp_path, sample_bundle, hidden)[0] == "corrupt"


@pytest.mark.parametrize("codec", CODECS)
def test_c28_a_page_that_claims_another_size_is_read_right_or_refused(
    sample_bundle: Path, tmp_path: Path, codec: str
) -> None:
    """The claims: the stream yields less, or more, or no memory could hold it."""
    table = pa.Table.from_pandas(CUSTOMERS, preserve_index=False)
    table = table.drop_columns(["Contract"]).append_column("Contract", table["Contract"])
    content = parquet(table, compression=codec.split()[0], use_dictionary=False, write_statistics=False)
    sound = scored_here(tmp_path, sample_bundle, content)
    more = (0, 1_000, 2**20, -(2**31)) if cases(0, "CHURN_PAIRS") else ()
    files = {str(claim): page_claiming(content, claim) for claim in (1, 2**31 - 1, -1, *more)}
    if codec == "lz4 of Hadoop":
        files = {name: claiming_codec(file, 7, 5) for name, file in files.items()}

    outcomes = same_scores_or_a_typed_fault(tmp_path, sample_bundle, sound, files)

    assert outcomes["resource-limit"] == 1
    assert outcomes["corrupt"] >= 2


def test_c28_a_file_that_takes_all_memory_is_stopped_by_the_watchdog(
    sample_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that fills its memory, without DuckDB and its own limit."""
    monkeypatch.setattr(
        "functions.batch.scoring_process._BOOTSTRAP",
        # Pages are written, so they count as resident; slowly enough for the watchdog.
        "import time\nx = []\nwhile True: x.append(b'x' * 10**6 + bytes(1)); time.sleep(0.002)",
    )
    process = ScoringProcess(sample_bundle, 10**9, 256)
    with pytest.raises(NotScoredError) as stopped:
        process.score(tmp_path, {}, seconds=60)
    assert stopped.value.outcome is Outcome.RESOURCE_LIMIT
    # The limit of the address space would have killed it later.
    assert process.peak_kilobytes < 256 * 1024


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
