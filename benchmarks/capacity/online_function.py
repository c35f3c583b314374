"""The built score function, cold and warm, inside the memory and processor of its template."""

from __future__ import annotations

import json
import math
import re
from statistics import fmean, median
from typing import TYPE_CHECKING, Any, Final

from benchmarks.capacity.measured import OnlineCalls, OnlineMeasurement
from infra.local.emulator import FunctionUnderEmulator
from infra.local.template_settings import TemplateSettings
from infra.local.tools import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from benchmarks.online.trained_model import TrainedModel
    from infra.local.cgroup import Cgroup
    from infra.local.tools import LambdaTools

CALLS: Final = {1: 300, 10: 200, 100: 100, 1_000: 30}
"""Warm calls by the number of customers; each has customers of its own."""
STARTS: Final = 5

_REPORT: Final = re.compile(r"^REPORT RequestId: \S+.*?\tDuration: ([0-9.]+) ms", re.MULTILINE)
_WARM_UP: Final = 5


class NoReportError(Exception):
    """The emulator's log has not one report for each call; the message says how many."""


def measure_online(
    folder: Path,
    tools: LambdaTools,
    cgroup: Cgroup,
    model: TrainedModel,
    calls: Mapping[int, int] = CALLS,
    starts: int = STARTS,
) -> OnlineMeasurement:
    """Start the function anew so many times, then invoke a warm one with requests of each size.

    Parameters
    ----------
    folder : Path
        The function as `sam build` wrote it.
    tools : LambdaTools
    cgroup : Cgroup
        Of the template's memory, entered already.
    model : TrainedModel
        Has the customers to ask for.
    calls : mapping of int
        Calls by the number of customers.
    starts : int
        One more comes first and is not counted, for the files to be in memory.
    """
    definition = TemplateSettings().function("ScoreFunction")
    customers = model.read_customers()

    def function() -> FunctionUnderEmulator:
        return FunctionUnderEmulator(
            folder,
            definition.handler,
            definition.environment,
            tools,
            memory_mb=definition.memory_mb,
            timeout_seconds=definition.timeout_seconds,
            launcher=cgroup.launcher,
        )

    init = []
    for _ in range(starts + 1):
        with function() as started:
            _answer(started, _event(customers, 1, 0))
            init.append(started.init_milliseconds)
    with function() as warm:
        for number in range(_WARM_UP):
            _answer(warm, _event(customers, 1, number))
        measured = [_measure_calls(warm, customers, size, count) for size, count in calls.items()]
    return OnlineMeasurement(
        memory_mb=definition.memory_mb,
        init_milliseconds=round(median(init[1:])),
        starts=starts,
        calls=measured,
    )


def _measure_calls(
    function: FunctionUnderEmulator, customers: list[dict[str, Any]], size: int, count: int
) -> OnlineCalls:
    events = [_event(customers, size, number) for number in range(count)]
    before = len(function.log)
    responses = [_answer(function, event) for event in events]
    log = function.log[before:]
    durations = [float(found) for found in _REPORT.findall(log)]
    if len(durations) != count:
        raise NoReportError(f"The emulator reported {len(durations)} of {count} calls.")
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


def _event(customers: list[dict[str, Any]], size: int, number: int) -> dict[str, Any]:
    template = json.loads((REPOSITORY / "events" / "predict.json").read_text(encoding="utf-8"))
    chosen = [customers[(number * size + offset) % len(customers)] for offset in range(size)]
    path = "/predict" if size == 1 else "/predict/batch"
    body = json.dumps(chosen[0] if size == 1 else {"customers": chosen})
    return dict(template | {"path": path, "resource": path, "body": body})


def _answer(function: FunctionUnderEmulator, event: dict[str, Any]) -> bytes:
    answer = function.invoke(event)
    if answer["statusCode"] != 200:
        raise RuntimeError(f"The function answered {answer['statusCode']}; its time says nothing.")
    return str(answer["body"]).encode()
