"""The batch function in this process, against S3 and EventBridge over HTTP."""

from __future__ import annotations

import io
import logging
import sys
import tempfile
import urllib.request
import uuid
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churn_core.models.bundle.golden_rows import RANDOM_ROWS
from churn_core.scoring.bundle import Bundle, load_bundle
from functions.batch import app
from functions.batch.delivery import Deliveries
from functions.batch.object_job import ObjectJob
from functions.batch.quarantine import Quarantine
from functions.batch.scoring_child import run_task
from functions.batch.scoring_process import parse_result
from functions.batch.scoring_task import ScoredFile, ScoringTask
from functions.batch.settings import BatchFunctionSettings
from functions.shared.storage import Storage
from infra.local.aws.moto_server import moto_server
from tests.functional.batch.batch_stack import INPUT, OUTPUT, BatchStack
from tests.functional.batch.faults.lossy_proxy import LossyProxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    with moto_server() as address:
        yield address


@pytest.fixture(scope="session")
def bundle(sample_bundle: Path) -> Bundle:
    return load_bundle(sample_bundle)


@pytest.fixture
def environment(
    endpoint: str, sample_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A new environment of the function; its folder for temporary files."""
    work = tmp_path / "tmp"
    work.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(work))
    variables = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "2048",
        "CHURN_MODEL_DIR": str(sample_bundle),
        "CHURN_INPUT_BUCKET": INPUT,
        "CHURN_OUTPUT_BUCKET": OUTPUT,
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    app.load_deliveries.cache_clear()
    yield work
    app.load_deliveries.cache_clear()
    left = [path for path in work.rglob("*") if path.is_file()]
    assert left == [], "work files were left behind"


@pytest.fixture
def buckets(environment: Path, endpoint: str) -> Iterator[Any]:
    """A client of S3 with both buckets, empty and versioned."""

    def reset() -> None:
        # All moto servers of a process share one state, which other tests may have changed.
        urllib.request.urlopen(f"{endpoint}/moto-api/reset", data=b"").close()

    reset()
    client = boto3.client("s3")
    for bucket in (INPUT, OUTPUT):
        client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    yield client
    reset()


@pytest.fixture
def stack(buckets: Any, bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> BatchStack:
    """The function, ready to handle messages."""
    handler = app.logger.registered_handler

    class ToStandardOutput(io.TextIOBase):
        """Writes to the current standard output, as in Lambda."""

        def write(self, text: str) -> int:
            return sys.stdout.write(text)

    assert isinstance(handler, logging.StreamHandler)
    monkeypatch.setattr(handler, "stream", ToStandardOutput())
    return BatchStack(buckets, bundle)


@pytest.fixture
def proxy(stack: BatchStack, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[LossyProxy]:
    """The function's S3 endpoint; the test's own client does not use it."""
    with LossyProxy(endpoint) as lossy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", lossy.address)
        app.load_deliveries.cache_clear()
        yield lossy


@pytest.fixture(scope="session")
def golden_table(bundle: Bundle) -> pa.Table:
    """The bundle's first golden rows, whose scores are in its manifest; there is always the same number."""
    identifier = bundle.contract.id_column
    assert identifier is not None
    return pa.Table.from_pylist(
        [
            {identifier: f"C{number}"} | golden["record"]
            for number, golden in enumerate(bundle.manifest["golden_rows"][:RANDOM_ROWS])
        ]
    )


@pytest.fixture(scope="session")
def customers(golden_table: pa.Table) -> bytes:
    """Those rows as a Parquet file."""
    sink = pa.BufferOutputStream()
    pq.write_table(golden_table, sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content


class InProcessScorer:
    """Scores like the child process, but in this process: for tests with thousands of files."""

    def __init__(self, model_dir: Path, max_rows: int = 200_000_000, memory_mb: int = 2048) -> None:
        self._task = ScoringTask(str(model_dir), {}, max_rows, memory_mb, cpu_seconds=0)

    def score(self, folder: Path, metadata: Mapping[str, str], seconds: float) -> ScoredFile:
        return parse_result(run_task(folder, replace(self._task, metadata=dict(metadata))))


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Make the function score in this process from now on."""

    def switch() -> None:
        monkeypatch.setattr(app, "ScoringProcess", InProcessScorer)
        app.load_deliveries.cache_clear()

    return switch


@pytest.fixture
def another_environment(buckets: Any, bundle: Bundle, environment: Path) -> Callable[..., Deliveries]:
    """Create another environment of the function, with its own disk; it may use another client."""

    def make(client: Any = buckets) -> Deliveries:
        settings = BatchFunctionSettings.from_environment()
        settings = replace(settings, work_dir=environment / str(uuid.uuid4()))
        storage = Storage(client)
        scorer = InProcessScorer(settings.model_dir)
        job = ObjectJob(settings, storage, scorer, bundle.model_digest, bundle.model_version)
        return Deliveries(job, Quarantine(storage, OUTPUT, bundle.model_digest), INPUT)

    return make
