"""The built batch function at drops of growing size, inside the memory and processor of its template."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.capacity.measured import BatchMeasurement, BatchRun
from churn_core.data import generate_sample_data
from infra.local.emulator import FunctionUnderEmulator
from infra.local.local_cloud import LocalCloud
from infra.local.template_settings import TemplateSettings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

    from infra.local.cgroup import Cgroup
    from infra.local.tools import LambdaTools

SIZES: Final = (100, 100_000, 1_000_000, 3_000_000)
"""Rows of the drops; the smallest tells what every object takes, however small."""
ROUNDS: Final = 5

_PART_ROWS: Final = 100_000


def write_drop(path: Path, rows: int) -> None:
    """Write a file of sample customers in parts, so that the table is never in memory as a whole."""
    writer = None
    for number, start in enumerate(range(0, rows, _PART_ROWS)):
        table = generate_sample_data(min(_PART_ROWS, rows - start), seed=number).drop(columns="Churn")
        arrow = pa.Table.from_pandas(table, preserve_index=False)
        writer = writer or pq.ParquetWriter(path, arrow.schema, compression="zstd")
        writer.write_table(arrow)
    if writer is None:
        raise ValueError("A drop has one row at least.")
    writer.close()


@dataclass(frozen=True, slots=True)
class ScoredDrop:
    """What became of one drop.

    Attributes
    ----------
    answer : dict
        The handler's.
    told : dict
        The line of the log that tells of the object.
    output : bytes
        The scores.
    wall_seconds : float
        From the invocation to its answer.
    log_bytes : int
        What the function wrote to its log meanwhile.
    """

    answer: dict[str, Any]
    told: dict[str, Any]
    output: bytes
    wall_seconds: float
    log_bytes: int


class BatchFunctionInCgroup:
    """The batch function beside a local S3, for as long as the ``with`` block lasts.

    Parameters
    ----------
    folder : Path
        The function as `sam build` wrote it.
    tools : LambdaTools
    cgroup : Cgroup
        Entered already.
    """

    def __init__(self, folder: Path, tools: LambdaTools, cgroup: Cgroup) -> None:
        self._template = TemplateSettings()
        self._folder = folder
        self._tools = tools
        self._cgroup = cgroup

    def __enter__(self) -> Self:
        definition = self._template.function("BatchFunction")
        with ExitStack() as stack:
            self._cloud = stack.enter_context(LocalCloud(self._template))
            self._function = stack.enter_context(
                FunctionUnderEmulator(
                    self._folder,
                    definition.handler,
                    definition.environment | self._cloud.environment,
                    self._tools,
                    memory_mb=definition.memory_mb,
                    timeout_seconds=definition.timeout_seconds,
                    launcher=self._cgroup.launcher,
                )
            )
            self._cleanup = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cleanup.close()

    @property
    def init_milliseconds(self) -> float:
        """How long the function's start took; known after the first drop."""
        return self._function.init_milliseconds

    def score(self, drop: Path, key: str) -> ScoredDrop:
        """Put a file under ``incoming/``, hand its message to the function, fetch the scores."""
        s3, sqs = self._cloud.client("s3"), self._cloud.client("sqs")
        with drop.open("rb") as file:
            s3.put_object(Bucket=self._cloud.input_bucket, Key=f"incoming/{key}", Body=file)
        (message,) = sqs.receive_message(
            QueueUrl=self._cloud.mapping(1).queue_url, WaitTimeSeconds=2, AttributeNames=["All"]
        )["Messages"]
        record = {
            "messageId": message["MessageId"],
            "body": message["Body"],
            "attributes": message["Attributes"],
        }
        before = _own_lines(self._function.log)
        started = time.perf_counter()
        answer = self._function.invoke({"Records": [record]})
        wall_seconds = time.perf_counter() - started
        lines = _own_lines(self._function.log)[len(before) :]
        (told,) = [found for found in map(json.loads, lines) if "action" in found]
        output = s3.get_object(Bucket=self._cloud.output_bucket, Key=told["output_key"])["Body"].read()
        log_bytes = sum(len(line.encode()) + 1 for line in lines)
        return ScoredDrop(answer, told, output, wall_seconds, log_bytes)


def _own_lines(log: str) -> list[str]:
    """Return the function's lines, which are JSON; the emulator's are not."""
    return [line for line in log.splitlines() if line.startswith('{"')]


def measure_batch(
    folder: Path, tools: LambdaTools, cgroup: Cgroup, work: Path, sizes: Sequence[int] = SIZES
) -> BatchMeasurement:
    """Score drops of each size, round after round; the quickest of the rounds counts.

    What else runs on the machine takes processor time away, and gives none.

    Parameters
    ----------
    folder : Path
        The function as `sam build` wrote it.
    tools : LambdaTools
    cgroup : Cgroup
        Of the template's memory, entered already.
    work : Path
        Folder for the drops.
    sizes : sequence of int
        Rows of each.
    """
    drops = {}
    for rows in sizes:
        drops[rows] = work / f"{rows}.parquet"
        write_drop(drops[rows], rows)
    found: dict[int, list[ScoredDrop]] = {rows: [] for rows in sizes}
    with BatchFunctionInCgroup(folder, tools, cgroup) as function:
        # The first one starts the function.
        function.score(drops[min(sizes)], "first.parquet")
        for number in range(ROUNDS):
            for rows, drop in drops.items():
                scored = function.score(drop, f"{rows}-{number}.parquet")
                if scored.told["message"] != "scored" or scored.told["rows"] != rows:
                    raise RuntimeError(f"A drop of {rows:,} rows was not scored; its time says nothing.")
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
    quickest = min(runs, key=lambda run: run.wall_seconds)
    seconds = quickest.told["seconds"]
    return BatchRun(
        rows=rows,
        input_bytes=input_bytes,
        output_bytes=len(quickest.output),
        wall_seconds=round(quickest.wall_seconds, 3),
        download_seconds=seconds["Download"],
        score_seconds=seconds["Score"],
        upload_seconds=seconds["Upload"],
        reader_peak_mb=max(run.told["reader_peak_kilobytes"] for run in runs) // 1_024,
        log_bytes=quickest.log_bytes,
    )
