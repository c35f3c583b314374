"""Objects and files that change while they are read, simultaneous deliveries, and slow or silent networks."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churn_core.scoring.files import scoring_pass
from functions.batch.scoring_child import run_task
from functions.batch.scoring_task import INPUT_FILE, OUTPUT_FILE, ScoringTask
from functions.shared import storage
from functions.shared.storage import s3_client
from tests.functional.batch.batch_stack import INPUT, KEY, OUTPUT, BatchStack, Put, deliver_again, message
from tests.functional.batch.faults.lossy_proxy import Fault, LossyProxy, Rule

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from functions.batch.delivery import Deliveries

AT_ONCE = 10


# ---------------------------------------------------------------- changes while an input is read


def overwrite(stack: BatchStack) -> None:
    stack.put(b"no Parquet")


def delete(stack: BatchStack) -> None:
    stack.s3.delete_object(Bucket=INPUT, Key=KEY)


@pytest.mark.parametrize("change", [overwrite, delete])
def test_b3_a_version_is_scored_although_the_object_changes_between_head_and_get(
    stack: BatchStack, proxy: LossyProxy, customers: bytes, change: Callable[[BatchStack], None]
) -> None:
    put = stack.put(customers)
    proxy.rules.append(Rule("GET", INPUT, lambda: change(stack), times=1))

    assert deliver_again(stack, put) == ["scored"]
    assert stack.table(put).num_rows == 16


@pytest.mark.parametrize(("change", "outcome"), [(overwrite, "superseded"), (delete, "gone")])
def test_b4_without_versions_an_object_that_changes_between_head_and_get_is_not_scored(
    stack: BatchStack,
    proxy: LossyProxy,
    customers: bytes,
    change: Callable[[BatchStack], None],
    outcome: str,
) -> None:
    stack.s3.put_bucket_versioning(Bucket=INPUT, VersioningConfiguration={"Status": "Suspended"})
    put = stack.put(customers)
    named = Put(KEY, put.size, put.etag, version=None)
    proxy.rules.append(Rule("GET", INPUT, lambda: change(stack), times=1))

    assert deliver_again(stack, named) == [outcome]
    assert not [key for key in stack.versions() if key.startswith("scored/")]


def cut_in_the_middle(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def overwrite_pages(path: Path) -> None:
    content = path.read_bytes()
    half = len(content) // 2
    path.write_bytes(content[:4] + bytes(half - 4) + content[half:])


@pytest.mark.parametrize("change", [cut_in_the_middle, empty, overwrite_pages])
@pytest.mark.parametrize("step", ["check_magic", "read_layout", "check_pages"])
def test_a_local_file_that_changes_while_it_is_read_is_refused_without_an_output(
    sample_bundle: Path,
    tmp_path: Path,
    customers: bytes,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    change: Callable[[Path], None],
) -> None:
    """It changes after each step that looks at it."""
    source = tmp_path / INPUT_FILE
    source.write_bytes(customers)
    original = getattr(scoring_pass, step)

    def then_change(*arguments: Any) -> Any:
        found = original(*arguments)
        change(source)
        return found

    monkeypatch.setattr(scoring_pass, step, then_change)
    result = run_task(tmp_path, ScoringTask(str(sample_bundle), {}, 10**9, 2048, cpu_seconds=0))

    assert result["outcome"] in ("corrupt", "not-parquet", "resource-limit")
    assert not (tmp_path / OUTPUT_FILE).exists()


# ---------------------------------------------------------------- simultaneous deliveries


@pytest.mark.parametrize(("kind", "folder"), [("customers", "scored"), ("garbage", "quarantine")])
def test_b1_ten_simultaneous_deliveries_leave_one_version(
    stack: BatchStack,
    proxy: LossyProxy,
    another_environment: Callable[..., Deliveries],
    customers: bytes,
    kind: str,
    folder: str,
) -> None:
    """Ten environments find no output, and send theirs at the same moment."""
    put = stack.put(customers if kind == "customers" else b"no Parquet")
    together = threading.Barrier(AT_ONCE)
    client = s3_client(AT_ONCE)

    def wait(**_: Any) -> None:
        together.wait(30)

    client.meta.events.register("before-call.s3.PutObject", wait)
    environments = [another_environment(client) for _ in range(AT_ONCE)]

    def deliver(environment: Deliveries) -> str:
        (handled,) = environment.handle(message(put.event()), lambda: 300.0)
        return str(handled.action)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        actions = list(pool.map(deliver, environments))

    # The uploads have the same bytes, so each attempt finds its own output.
    assert set(actions) == {"scored" if kind == "customers" else "quarantined"}
    assert sum(line.startswith("PUT") for line in proxy.seen) == AT_ONCE
    (key,) = stack.versions()
    assert key.startswith(folder)
    if folder == "scored":
        assert pq.read_table(pa.BufferReader(stack.output(put))).num_rows == 16


# ---------------------------------------------------------------- slow and silent networks


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch, proxy: LossyProxy) -> LossyProxy:
    """The proxy, before a function that waits half a second for S3 to go on."""
    monkeypatch.setattr(storage, "_READ_SECONDS", 0.5)
    return proxy


@pytest.mark.parametrize(("method", "bucket"), [("HEAD", INPUT), ("GET", INPUT), ("PUT", OUTPUT)])
def test_b22_b24_a_request_without_an_answer_is_sent_again(
    stack: BatchStack, impatient: LossyProxy, customers: bytes, method: str, bucket: str
) -> None:
    put = stack.put(customers)
    impatient.rules.append(Rule(method, bucket, "stall", times=1))

    assert deliver_again(stack, put) == ["scored"]
    assert stack.versions() == [stack.output_key(put)]


def test_b24_an_output_bucket_that_stays_silent_leaves_no_output(
    stack: BatchStack, impatient: LossyProxy, customers: bytes
) -> None:
    put = stack.put(customers)
    impatient.rules.append(Rule("PUT", OUTPUT, "stall", times=4))

    assert deliver_again(stack, put) == ["storage-unavailable"]
    assert stack.versions() == []
    assert deliver_again(stack, put) == ["scored"]


def test_b23_a_download_that_stops_halfway_is_read_again(
    stack: BatchStack, impatient: LossyProxy, customers: bytes
) -> None:
    put = stack.put(customers)
    impatient.rules.append(Rule("GET", INPUT, "stall-body", times=1))

    assert deliver_again(stack, put, times=2) == ["damaged-transfer", "scored"]
    assert stack.versions() == [stack.output_key(put)]


def test_b23_a_slow_download_is_scored(stack: BatchStack, impatient: LossyProxy, customers: bytes) -> None:
    put = stack.put(customers)
    impatient.rules.append(Rule("GET", INPUT, "slow-body", times=1))

    assert deliver_again(stack, put) == ["scored"]


def test_b29_a_download_that_exceeds_the_time_is_given_up_before_it_ends(
    stack: BatchStack, impatient: LossyProxy, customers: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "_CHUNK_BYTES", 1_000)
    fault: Fault = "slow-body"
    impatient.rules.append(Rule("GET", INPUT, fault, times=1))
    put = stack.put(customers)
    read: list[int] = []

    def time_left() -> int:
        read.append(1)
        return 300_000 if len(read) < 3 else 0

    monkeypatch.setattr(stack.context, "get_remaining_time_in_millis", time_left)
    assert deliver_again(stack, put) == ["deadline"]
    assert len(read) * 1_000 < len(customers)
    assert stack.versions() == []
