"""The batch function's bundle works within the memory and processor time of its template."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.capacity.batch_function import score_drop, under_emulator, write_drop
from infra.local.aws.local_cloud import LocalCloud
from infra.local.template_settings import TemplateSettings
from tests.proof_figures import cases, record_figure

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from infra.local.cgroup import Cgroup
    from infra.local.tools import LambdaTools


@pytest.fixture(scope="module")
def drop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("drop") / "customers.parquet"
    write_drop(path, cases(300_000, "CHURN_DROP_ROWS"))
    return path


@pytest.mark.timeout(1_800)
def test_a_large_file_is_scored_within_the_function_s_limits(
    built_function: Callable[[str, str], Path],
    lambda_tools: LambdaTools,
    limits_of: Callable[[str], Cgroup],
    drop: Path,
) -> None:
    definition = TemplateSettings().function("BatchFunction")
    folder = built_function("BatchFunction", lambda_tools.architecture)
    rows = pq.read_metadata(drop).num_rows
    cgroup = limits_of("BatchFunction")
    with (
        LocalCloud(TemplateSettings()) as cloud,
        under_emulator(folder, "BatchFunction", lambda_tools, cgroup, cloud.environment) as function,
    ):
        scored = score_drop(cloud, function, drop, "customers.parquet")

    assert scored.answer == {"batchItemFailures": []}
    assert (scored.record["message"], scored.record["rows"]) == ("scored", rows)
    assert pq.read_metadata(pa.BufferReader(scored.output)).num_rows == rows
    peak = scored.record["reader_peak_kilobytes"] // 1_024
    assert peak < definition.memory_mb
    seconds = scored.record["seconds"]
    record_figure(
        f"Drop of {rows:,} rows ({drop.stat().st_size:,} bytes), {definition.memory_mb} MB, one processor",
        f"{rows / sum(seconds.values()):,.0f} rows/s (download {seconds['Download']} s, score"
        f" {seconds['Score']} s, upload {seconds['Upload']} s), reader at most {peak} MB",
    )
