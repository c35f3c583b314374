"""The warm handler beside the least that its work takes: `session.run`, and `json.loads` of the body.

In one process: the Lambda's own handler with API Gateway events, onnxruntime on the same rows encoded,
and Python's JSON reader on the same bodies, in turn. The handler's log goes nowhere.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

from benchmarks.online.rounds import Figure
from infra.local.tools import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.online.trained_model import TrainedModel

SIZES: Final = (1, 10, 100, 1_000)
CALLS: Final = {1: 300, 10: 150, 100: 30, 1_000: 4}
"""Calls of each contender in a round, by the number of customers; each has customers of its own."""

PARTS: Final = ("Parse", "Validate", "Score", "Write", "Rest")
WANTED_MORE_MILLISECONDS: Final = 0.5
WANTED_TIMES_JSON: Final = 4.0


@dataclass(frozen=True, slots=True)
class HandlerTime:
    """Milliseconds a request with so many customers.

    Attributes
    ----------
    customers : int
    handler, session_run, json_loads : Figure
        The whole handler; the model alone; Python's reader alone.
    beyond : Figure
        Handler less `session_run`, round by round.
    times_json : Figure
        `beyond` by `json_loads`, round by round.
    parts : dict of Figure
        Where the handler's time goes; ``Score`` has `session_run` in it, ``Rest`` is the resolver,
        the metrics and the logger.
    """

    customers: int
    handler: Figure
    session_run: Figure
    json_loads: Figure
    beyond: Figure
    times_json: Figure
    parts: dict[str, Figure]


def measure_handler(model: TrainedModel, rounds: int) -> list[HandlerTime]:
    """Measure in a process of its own, whose output goes nowhere, as the handler logs each request."""
    result = model.folder / "handler-time.json"
    subprocess.run(
        [sys.executable, "-m", "benchmarks.online.handler_time", model.folder, result, str(rounds)],
        check=True,
        stdout=subprocess.DEVNULL,
        env=os.environ | {"CHURN_MODEL_DIR": str(model.bundle), "OMP_NUM_THREADS": "1"},
    )
    measured = json.loads(result.read_text(encoding="utf-8"))
    return [_summary(int(size), runs) for size, runs in measured.items()]


def _summary(size: int, runs: list[dict[str, float]]) -> HandlerTime:
    def figure(value: Callable[[dict[str, float]], float]) -> Figure:
        return Figure.of(value(run) for run in runs)

    return HandlerTime(
        customers=size,
        handler=figure(lambda run: run["handler"]),
        session_run=figure(lambda run: run["session_run"]),
        json_loads=figure(lambda run: run["json_loads"]),
        beyond=figure(lambda run: run["handler"] - run["session_run"]),
        times_json=figure(lambda run: (run["handler"] - run["session_run"]) / run["json_loads"]),
        parts={part: figure(lambda run, part=part: run[part]) for part in PARTS},  # type: ignore[misc]
    )


@dataclass(frozen=True, slots=True)
class _Context:
    """What Lambda tells a function of its invocation."""

    function_name: str = "churn-score"
    function_version: str = "1"
    memory_limit_in_mb: int = 1024
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:000000000000:function:churn-score"
    aws_request_id: str = str(uuid.UUID(int=1))

    def get_remaining_time_in_millis(self) -> int:
        """Return what is left of a function that has just started."""
        return 10_000


def _events(model: TrainedModel, size: int) -> list[dict[str, Any]]:
    template = json.loads((REPOSITORY / "events" / "predict.json").read_text(encoding="utf-8"))
    customers = model.read_customers()
    events = []
    for number in range(CALLS[size]):
        chosen = [customers[(number * size + offset) % len(customers)] for offset in range(size)]
        path = "/predict" if size == 1 else "/predict/batch"
        body = json.dumps(chosen[0] if size == 1 else {"customers": chosen})
        events.append(template | {"path": path, "resource": path, "body": body})
    return events


def _median_milliseconds(call: Callable[[Any], Any], arguments: Sequence[Any]) -> float:
    times = []
    for argument in arguments:
        started = time.perf_counter()
        call(argument)
        times.append(time.perf_counter() - started)
    return statistics.median(times) * 1_000


class _Contenders:
    """The handler and what it is held against, loaded once.

    Parameters
    ----------
    model : TrainedModel
    """

    def __init__(self, model: TrainedModel) -> None:
        import onnxruntime

        from churn_core.scoring.bundle import load_bundle
        from churn_core.scoring.predictor import ChurnPredictor
        from functions.score import app

        self._model = model
        self._app = app
        self._bundle = load_bundle(model.bundle)
        self._encode = ChurnPredictor(self._bundle).encode
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            self._bundle.graph, options, providers=["CPUExecutionProvider"]
        )
        self._outputs = [output.name for output in self._session.get_outputs()]

    def rounds(self, size: int, count: int) -> list[dict[str, float]]:
        """Measure so many rounds on requests of one size; the first is for warming up and not returned."""
        events = _events(self._model, size)
        bodies = [event["body"] for event in events]
        records = [json.loads(body) for body in bodies]
        matrices = [self._encode([one] if size == 1 else one["customers"]) for one in records]
        del records
        # What the benchmark holds is not for the handler to have collected.
        gc.freeze()
        return [self._round(events, bodies, matrices) for _ in range(count + 1)][1:]

    def _round(
        self, events: list[dict[str, Any]], bodies: list[str], matrices: list[Any]
    ) -> dict[str, float]:
        import orjson

        from functions.score import measurement

        context = _Context()
        measurements: list[dict[str, float]] = []
        answers: list[dict[str, Any]] = []
        add_metrics = measurement.add_metrics

        def note_and_add(metrics: Any, found: Any, *others: Any) -> None:
            measurements.append(dict(found.milliseconds))
            add_metrics(metrics, found, *others)

        def call(event: dict[str, Any]) -> None:
            answers.append(self._app.lambda_handler(event, context))

        with patch.object(self._app, "add_metrics", note_and_add):
            handler = _median_milliseconds(call, events)
        if any(answer["statusCode"] != 200 for answer in answers):
            raise RuntimeError("The handler refused a customer; its times say nothing.")
        contents = [json.loads(answer["body"]) for answer in answers]
        run = {
            "handler": handler,
            "session_run": _median_milliseconds(
                lambda matrix: self._session.run(self._outputs, {"features": matrix}), matrices
            ),
            "json_loads": _median_milliseconds(json.loads, bodies),
            "Write": _median_milliseconds(lambda content: orjson.dumps(content).decode(), contents),
        }
        for part in ("Parse", "Validate", "Score"):
            run[part] = statistics.median(times[part] for times in measurements)
        run["Rest"] = handler - sum(run[part] for part in PARTS if part != "Rest")
        return run


def _main() -> None:
    from benchmarks.online.trained_model import TrainedModel

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("result", type=Path)
    parser.add_argument("rounds", type=int)
    options = parser.parse_args()
    contenders = _Contenders(TrainedModel(options.folder))
    measured = {size: contenders.rounds(size, options.rounds) for size in SIZES}
    options.result.write_text(json.dumps(measured), encoding="utf-8")


if __name__ == "__main__":
    _main()
