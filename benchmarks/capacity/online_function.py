"""Measure the built score function, cold and warm, within its template's memory and processor."""

from __future__ import annotations

import math
import re
from statistics import fmean, median
from typing import TYPE_CHECKING, Any, Final

from benchmarks.capacity.batch_function import under_emulator
from benchmarks.capacity.measured import OnlineCalls, OnlineMeasurement
from benchmarks.trained_model import api_event
from infra.local.template_settings import TemplateSettings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from benchmarks.trained_model import ModelFiles
    from infra.local.aws.emulator import FunctionUnderEmulator
    from infra.local.cgroup import Cgroup
    from infra.local.tools import LambdaTools

CALLS: Final = {1: 300, 10: 200, 100: 100, 1_000: 30}  # Warm calls by the number of customers
STARTS: Final = 5
_REPORT: Final = re.compile(r"^REPORT RequestId: \S+.*?\tDuration: ([0-9.]+) ms", re.MULTILINE)
_WARM_UP: Final = 5


def measure_online(
    folder: Path,
    tools: LambdaTools,
    cgroup: Cgroup,
    model: ModelFiles,
    calls: Mapping[int, int] = CALLS,
    starts: int = STARTS,
) -> OnlineMeasurement:
    """Start the function that `sam build` wrote several times, then invoke a warm one.

    `calls` maps the number of customers of a request to the number of calls. An additional first start
    reads the files into memory and is left out. The caller has entered the cgroup.
    """
    customers = model.read_customers()
    init = []
    for _ in range(starts + 1):
        with under_emulator(folder, "ScoreFunction", tools, cgroup) as started:
            _answer(started, api_event(customers, 1, 0))
            init.append(started.init_milliseconds)
    with under_emulator(folder, "ScoreFunction", tools, cgroup) as warm:
        for number in range(_WARM_UP):
            _answer(warm, api_event(customers, 1, number))
        measured = [_measure_calls(warm, customers, size, count) for size, count in calls.items()]
    memory_mb = TemplateSettings().function("ScoreFunction").memory_mb
    return OnlineMeasurement(memory_mb, round(median(init[1:])), starts, measured)


def _measure_calls(
    function: FunctionUnderEmulator, customers: list[dict[str, Any]], size: int, count: int
) -> OnlineCalls:
    events = [api_event(customers, size, number) for number in range(count)]
    before = len(function.log)
    responses = [_answer(function, event) for event in events]
    log = function.log[before:]
    durations = [float(found) for found in _REPORT.findall(log)]
    if len(durations) != count:
        raise RuntimeError(f"The emulator reported {len(durations)} of {count} calls.")
    own = sum(len(line.encode()) + 1 for line in log.splitlines() if line.startswith("{"))
    return OnlineCalls(
        customers=size,
        calls=count,
        mean_milliseconds=round(fmean(durations), 2),
        median_milliseconds=round(median(durations), 2),
        p99_milliseconds=round(sorted(durations)[math.ceil(0.99 * count) - 1], 2),
        billed_milliseconds=round(fmean(math.ceil(duration) for duration in durations), 2),
        log_bytes=round(own / count),
        request_bytes=round(fmean(len(event["body"].encode()) for event in events)),
        response_bytes=round(fmean(map(len, responses))),
    )


def _answer(function: FunctionUnderEmulator, event: dict[str, Any]) -> bytes:
    answer = function.invoke(event)
    if answer["statusCode"] != 200:
        raise RuntimeError(f"The function answered {answer['statusCode']}, so its time is meaningless.")
    return str(answer["body"]).encode()
