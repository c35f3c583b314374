"""The measurements of `make bench-capacity` on real builds within the template's limits, with few calls."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from benchmarks.capacity.batch_function import measure_batch
from benchmarks.capacity.online_function import measure_online
from benchmarks.trained_model import ModelFiles
from churn_core.data import generate_sample_data
from churn_core.data.loading import table_records
from churn_core.scoring.bundle import load_bundle

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from infra.local.cgroup import Cgroup
    from infra.local.tools import LambdaTools

    Build = Callable[[str, str], Path]
    Limit = Callable[[str], Cgroup]


def test_each_size_of_request_is_measured(
    built_function: Build, lambda_tools: LambdaTools, limits_of: Limit, sample_bundle: Path, tmp_path: Path
) -> None:
    (tmp_path / "bundle").symlink_to(sample_bundle)
    generate_sample_data(50, seed=2).to_parquet(tmp_path / "customers.parquet")
    model = ModelFiles(tmp_path)
    records = table_records(tmp_path / "customers.parquet", load_bundle(sample_bundle).contract)
    model.customers.write_text(json.dumps(records), encoding="utf-8")
    folder, cgroup = built_function("ScoreFunction", lambda_tools.architecture), limits_of("ScoreFunction")
    found = measure_online(folder, lambda_tools, cgroup, model, calls={1: 4, 20: 2}, starts=1)

    one, twenty = found.calls
    assert (one.customers, one.calls, twenty.customers, twenty.calls) == (1, 4, 20, 2)
    assert 0 < one.median_milliseconds < found.init_milliseconds
    # Each call is billed by whole milliseconds.
    assert one.mean_milliseconds <= one.billed_milliseconds < one.mean_milliseconds + 1
    assert twenty.request_bytes > 15 * one.request_bytes
    assert twenty.response_bytes > 15 * one.response_bytes
    assert one.log_bytes > 100


def test_each_size_of_file_is_measured(
    built_function: Build, lambda_tools: LambdaTools, limits_of: Limit, tmp_path: Path
) -> None:
    folder, cgroup = built_function("BatchFunction", lambda_tools.architecture), limits_of("BatchFunction")
    found = measure_batch(folder, lambda_tools, cgroup, tmp_path, sizes=(100, 20_000))

    small, large = found.runs
    assert (small.rows, large.rows) == (100, 20_000)
    assert small.input_bytes < large.input_bytes
    assert small.output_bytes < large.output_bytes
    for run in found.runs:
        phases = run.download_seconds + run.score_seconds + run.upload_seconds
        # The phases lie within the invocation; both are rounded.
        assert 0 < phases <= run.wall_seconds + 0.01
        assert 0 < run.reader_peak_mb < found.memory_mb
        assert run.log_bytes > 100
