"""The zip of the batch function inside the memory and the processor that its template asks for."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from emulator import FunctionUnderEmulator, LambdaTools
from local_cloud import LocalCloud
from proof_figures import cases, record_figure
from template_settings import TemplateSettings

from churn_core.data import generate_sample_data

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MEGABYTES_A_PROCESSOR: Final = 1_769
"""From AWS's page on memory: so much comes with one whole vCPU."""
PERIOD_MICROSECONDS: Final = 100_000


class Cgroup:
    """Limits of memory and processor time for what starts inside (version 1 of the kernel's interface)."""

    def __init__(self, memory_mb: int) -> None:
        self._name = f"churn-{os.getpid()}"
        self._folders = {kind: Path("/sys/fs/cgroup", kind, self._name) for kind in ("memory", "cpu")}
        self._limits = {
            "memory/memory.limit_in_bytes": memory_mb * 1024**2,
            "cpu/cpu.cfs_period_us": PERIOD_MICROSECONDS,
            "cpu/cpu.cfs_quota_us": PERIOD_MICROSECONDS * memory_mb // MEGABYTES_A_PROCESSOR,
        }

    def __enter__(self) -> Cgroup:
        for folder in self._folders.values():
            folder.mkdir()
        for name, value in self._limits.items():
            kind, file = name.split("/")
            (self._folders[kind] / file).write_text(str(value))
        return self

    def __exit__(self, *_: object) -> None:
        deadline = time.monotonic() + 10
        for folder in self._folders.values():
            # It can go once the last process in it has ended.
            while (folder / "cgroup.procs").read_text() and time.monotonic() < deadline:
                time.sleep(0.05)
            folder.rmdir()

    @property
    def launcher(self) -> list[str]:
        into = "; ".join(f"echo $$ > {folder}/cgroup.procs" for folder in self._folders.values())
        return ["/bin/sh", "-c", f'{into}; exec "$@"', "launcher"]


@pytest.fixture
def cgroup() -> Iterator[Cgroup]:
    memory_mb = TemplateSettings().function("BatchFunction").memory_mb
    try:
        with Cgroup(memory_mb) as limits:
            yield limits
    except (PermissionError, FileNotFoundError, OSError) as error:
        if not isinstance(error, OSError) or not str(error.filename or "").startswith("/sys/fs/cgroup"):
            raise
        pytest.skip("this user may not make cgroups (version 1); run as root on such a machine to try it")


@pytest.fixture(scope="module")
def drop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A large file, written in parts, so that the table is never in memory as a whole."""
    path = tmp_path_factory.mktemp("drop") / "customers.parquet"
    rows, part = cases(300_000, "CHURN_DROP_ROWS"), 100_000
    writer = None
    for number in range(rows // part):
        table = generate_sample_data(part, seed=number).drop(columns="Churn")
        arrow = pa.Table.from_pandas(table, preserve_index=False)
        writer = writer or pq.ParquetWriter(path, arrow.schema, compression="zstd")
        writer.write_table(arrow)
    assert writer is not None
    writer.close()
    return path


@pytest.mark.timeout(1_800)
def test_a_large_drop_is_scored_within_the_functions_own_limits(
    built_function: Callable[[str, str], Path], lambda_tools: LambdaTools, cgroup: Cgroup, drop: Path
) -> None:
    template = TemplateSettings()
    definition = template.function("BatchFunction")
    folder = built_function("BatchFunction", lambda_tools.architecture)
    rows = pq.read_metadata(drop).num_rows
    with LocalCloud(template) as cloud:
        s3, sqs = cloud.client("s3"), cloud.client("sqs")
        with drop.open("rb") as file:
            s3.put_object(Bucket=cloud.input_bucket, Key="incoming/customers.parquet", Body=file)
        (message,) = sqs.receive_message(
            QueueUrl=cloud.mapping(1).queue_url, WaitTimeSeconds=2, AttributeNames=["All"]
        )["Messages"]
        event = {
            "Records": [
                {
                    "messageId": message["MessageId"],
                    "body": message["Body"],
                    "attributes": message["Attributes"],
                }
            ]
        }
        with FunctionUnderEmulator(
            folder,
            definition.handler,
            definition.environment | cloud.environment,
            lambda_tools,
            memory_mb=definition.memory_mb,
            timeout_seconds=definition.timeout_seconds,
            launcher=cgroup.launcher,
        ) as function:
            assert function.invoke(event) == {"batchItemFailures": []}, function.log
            told = _told(function.log)
        (output,) = s3.list_objects_v2(Bucket=cloud.output_bucket, Prefix="scored/")["Contents"]
        content = s3.get_object(Bucket=cloud.output_bucket, Key=output["Key"])["Body"].read()

    assert (told["message"], told["rows"]) == ("scored", rows)
    assert pq.read_metadata(pa.BufferReader(content)).num_rows == rows
    peak = told["reader_peak_kilobytes"] // 1_024
    assert peak < definition.memory_mb
    seconds = told["seconds"]
    record_figure(
        f"Drop of {rows:,} rows ({drop.stat().st_size:,} bytes), {definition.memory_mb} MB, one processor",
        f"{rows / sum(seconds.values()):,.0f} rows/s (download {seconds['Download']} s, score"
        f" {seconds['Score']} s, upload {seconds['Upload']} s), reader at most {peak} MB",
    )


def _told(log: str) -> dict[str, Any]:
    lines = [json.loads(line) for line in log.splitlines() if line.startswith('{"')]
    (found,) = [line for line in lines if "action" in line]
    return dict(found)
