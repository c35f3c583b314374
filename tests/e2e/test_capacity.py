"""What the bench of capacity measures, on real builds inside the template's own limits, with few calls."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from benchmarks.capacity.batch_function import measure_batch
from benchmarks.capacity.online_function import measure_online
from benchmarks.online.trained_model import TrainedModel
from churn_core.data import generate_sample_data
from churn_core.data.records import table_records
from churn_core.scoring.bundle import load_bundle
from infra.local.template_settings import TemplateSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from infra.local.cgroup import Cgroup
    from infra.local.tools import LambdaTools


@pytest.fixture
def model(sample_bundle: Path, tmp_path: Path) -> TrainedModel:
    """The sample bundle as the benchmark's model, with customers to ask for."""
    (tmp_path / "bundle").symlink_to(sample_bundle)
    table = tmp_path / "customers.parquet"
    generate_sample_data(50, seed=2).to_parquet(table)
    written = TrainedModel(tmp_path)
    records = table_records(table, load_bundle(sample_bundle).contract)
    written.customers.write_text(json.dumps(records), encoding="utf-8")
    return written


def test_score_function_has_a_report_for_each_call_of_each_size(
    built_function: Callable[[str, str], Path],
    lambda_tools: LambdaTools,
    limits_of: Callable[[str], Cgroup],
    model: TrainedModel,
) -> None:
    folder = built_function("ScoreFunction", lambda_tools.architecture)
    found = measure_online(
        folder, lambda_tools, limits_of("ScoreFunction"), model, calls={1: 4, 20: 2}, starts=1
    )

    assert found.memory_mb == TemplateSettings().function("ScoreFunction").memory_mb
    assert found.init_milliseconds > 0
    one, twenty = found.calls
    assert (one.customers, one.calls, twenty.customers, twenty.calls) == (1, 4, 20, 2)
    # A warm call is reported as such: what a start takes is in none of them.
    assert 0 < one.median_milliseconds < found.init_milliseconds
    # Billed by whole milliseconds, each call rounded up by itself.
    assert one.mean_milliseconds <= one.billed_milliseconds < one.mean_milliseconds + 1
    assert twenty.request_bytes > 15 * one.request_bytes
    assert twenty.response_bytes > 15 * one.response_bytes
    # The metrics' line of each call, at least.
    assert one.log_bytes > 100


def test_batch_function_is_measured_at_drops_of_each_size(
    built_function: Callable[[str, str], Path],
    lambda_tools: LambdaTools,
    limits_of: Callable[[str], Cgroup],
    tmp_path: Path,
) -> None:
    folder = built_function("BatchFunction", lambda_tools.architecture)
    found = measure_batch(folder, lambda_tools, limits_of("BatchFunction"), tmp_path, sizes=(100, 20_000))

    small, large = found.runs
    assert (small.rows, large.rows) == (100, 20_000)
    assert small.input_bytes < large.input_bytes
    assert small.output_bytes < large.output_bytes
    for run in found.runs:
        parts = run.download_seconds + run.score_seconds + run.upload_seconds
        # The function's own phases lie within the invocation; both are rounded.
        assert 0 < parts <= run.wall_seconds + 0.01
        assert 0 < run.reader_peak_mb < found.memory_mb
        assert run.log_bytes > 100
