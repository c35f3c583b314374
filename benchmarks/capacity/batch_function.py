"""Measure the built batch function at files of growing size, within its template's memory and processor."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.capacity.measured import BatchMeasurement, BatchRun
from churn_core.data import generate_sample_data
from infra.local.aws.emulator import FunctionUnderEmulator
from infra.local.aws.local_cloud import LocalCloud, mapping_settings
from infra.local.template_settings import TemplateSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from infra.local.cgroup import Cgroup
    from infra.local.tools import LambdaTools

SIZES: Final = (100, 100_000, 1_000_000, 3_000_000)
"""Rows of the files; the smallest shows what every object takes, however small."""
ROUNDS: Final = 5
_CHUNK_ROWS: Final = 100_000


def write_drop(path: Path, rows: int) -> None:
    """Write a file of sample customers in chunks, so that the whole table is never in memory."""
    writer = None
    for number, start in enumerate(range(0, rows, _CHUNK_ROWS)):
        table = generate_sample_data(min(_CHUNK_ROWS, rows - start), seed=number).drop(columns="Churn")
        arrow = pa.Table.from_pandas(table, preserve_index=False)
        writer = writer or pq.ParquetWriter(path, arrow.schema, compression="zstd")
        writer.write_table(arrow)
    if writer is None:
        raise ValueError("A file needs at least one row.")
    writer.close()


@dataclass(frozen=True, slots=True)
class ScoredDrop:
    """The handler's answer, its log record of the object, the scores, and the invocation's cost."""

    answer: dict[str, Any]
    record: dict[str, Any]
    output: bytes
    wall_seconds: float
    log_bytes: int


def score_drop(cloud: LocalCloud, function: FunctionUnderEmulator, drop: Path, key: str) -> ScoredDrop:
    """Put a file under ``incoming/``, hand its message to the function, fetch the scores."""
    s3, sqs = cloud.client("s3"), cloud.client("sqs")
    with drop.open("rb") as file:
        s3.put_object(Bucket=cloud.input_bucket, Key=f"incoming/{key}", Body=file)
    queue_url = mapping_settings(TemplateSettings(), sqs, workers=1).queue_url
    (message,) = sqs.receive_message(QueueUrl=queue_url, WaitTimeSeconds=2, AttributeNames=["All"])[
        "Messages"
    ]
    names = {"messageId": "MessageId", "body": "Body", "attributes": "Attributes"}
    before = len(_own_lines(function.log))
    started = time.perf_counter()
    answer = function.invoke({"Records": [{to: message[name] for to, name in names.items()}]})
    wall_seconds = time.perf_counter() - started
    lines = _own_lines(function.log)[before:]
    (record,) = [found for found in map(json.loads, lines) if "action" in found]
    output = s3.get_object(Bucket=cloud.output_bucket, Key=record["output_key"])["Body"].read()
    return ScoredDrop(answer, record, output, wall_seconds, sum(len(line.encode()) + 1 for line in lines))


def _own_lines(log: str) -> list[str]:
    """Return the function's lines, which are JSON; the emulator's are not."""
    return [line for line in log.splitlines() if line.startswith('{"')]


def under_emulator(
    folder: Path,
    name: str,
    tools: LambdaTools,
    cgroup: Cgroup,
    variables: Mapping[str, str] | None = None,
) -> FunctionUnderEmulator:
    """Return a function that `sam build` wrote, as the template defines it, within an entered cgroup."""
    definition = TemplateSettings().function(name)
    return FunctionUnderEmulator(
        folder,
        definition.handler,
        {**definition.environment, **(variables or {})},
        tools,
        memory_mb=definition.memory_mb,
        timeout_seconds=definition.timeout_seconds,
        launcher=cgroup.launcher,
    )


def measure_batch(
    folder: Path, tools: LambdaTools, cgroup: Cgroup, work: Path, sizes: Sequence[int] = SIZES
) -> BatchMeasurement:
    """Score files of so many rows each, round after round; `work` is the folder for the files.

    The fastest round counts: other work on the machine only adds to the time.
    """
    drops = {rows: work / f"{rows}.parquet" for rows in sizes}
    for rows, drop in drops.items():
        write_drop(drop, rows)
    found: dict[int, list[ScoredDrop]] = {rows: [] for rows in sizes}
    with (
        LocalCloud(TemplateSettings()) as cloud,
        under_emulator(folder, "BatchFunction", tools, cgroup, cloud.environment) as function,
    ):
        # The first one starts the function.
        score_drop(cloud, function, drops[min(sizes)], "first.parquet")
        for number in range(ROUNDS):
            for rows, drop in drops.items():
                scored = score_drop(cloud, function, drop, f"{rows}-{number}.parquet")
                if scored.record["message"] != "scored" or scored.record["rows"] != rows:
                    raise RuntimeError(f"A file of {rows:,} rows was not scored; its time means nothing.")
                found[rows].append(scored)
        init = function.init_milliseconds
    definition = TemplateSettings().function("BatchFunction")
    return BatchMeasurement(
        memory_mb=definition.memory_mb,
        timeout_seconds=definition.timeout_seconds,
        init_milliseconds=round(init),
        rounds=ROUNDS,
        runs=[_summary(rows, drops[rows].stat().st_size, runs) for rows, runs in found.items()],
    )


def _summary(rows: int, input_bytes: int, runs: list[ScoredDrop]) -> BatchRun:
    fastest = min(runs, key=lambda run: run.wall_seconds)
    seconds = fastest.record["seconds"]
    return BatchRun(
        rows=rows,
        input_bytes=input_bytes,
        output_bytes=len(fastest.output),
        wall_seconds=round(fastest.wall_seconds, 3),
        download_seconds=seconds["Download"],
        score_seconds=seconds["Score"],
        upload_seconds=seconds["Upload"],
        reader_peak_mb=max(run.record["reader_peak_kilobytes"] for run in runs) // 1_024,
        log_bytes=fastest.log_bytes,
    )
