"""Compare the warm handler with `session.run` and `json.loads`, the least that its work takes.

All run in one process, in turn: the Lambda's own handler with API Gateway events, onnxruntime on the same
rows encoded, and Python's JSON reader on the same bodies.
"""

from __future__ import annotations

import gc
import json
import os
import statistics
import uuid
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

from benchmarks.measuring import call_in_fresh_process, seconds_of
from benchmarks.trained_model import ModelFiles, api_event

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Rounds = list[dict[str, float]]

CALLS: Final = {1: 300, 10: 150, 100: 30, 1_000: 4}
"""Calls of each contender in a round, by customers of a request; each call has different customers."""

PARTS: Final = ("Parse", "Validate", "Score", "Write", "Rest")
WANTED_MORE_MILLISECONDS: Final = 0.5
WANTED_TIMES_JSON: Final = 4.0


def measure_handler(model: ModelFiles, rounds: int) -> dict[int, Rounds]:
    """Return the milliseconds of each round, by customers of a request.

    A round has ``handler``, ``session_run``, ``json_loads``, ``beyond`` (the handler without
    ``session_run``), ``times_json`` (``beyond`` divided by ``json_loads``) and the parts of the handler's
    time. ``Score`` includes ``session_run``; ``Rest`` is the resolver, the metrics and the logger.
    """
    return call_in_fresh_process(_measure_all, model, rounds)


def _measure_all(model: ModelFiles, rounds: int) -> dict[int, Rounds]:
    os.environ |= {"CHURN_MODEL_DIR": str(model.bundle), "OMP_NUM_THREADS": "1"}
    # The handler logs each request to standard output.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    contenders = _Contenders(model)
    return {size: contenders.rounds(size, rounds) for size in CALLS}


@dataclass(frozen=True, slots=True)
class _Context:
    """The Lambda context of an invocation."""

    function_name: str = "churn-score"
    function_version: str = "1"
    memory_limit_in_mb: int = 1024
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:000000000000:function:churn-score"
    aws_request_id: str = str(uuid.UUID(int=1))

    def get_remaining_time_in_millis(self) -> int:
        """Return the remaining milliseconds of a function that has just started."""
        return 10_000


def _median_milliseconds(call: Callable[[Any], Any], arguments: Sequence[Any]) -> float:
    return statistics.median(seconds_of(partial(call, argument)) for argument in arguments) * 1_000


class _Contenders:
    """The handler, the session and the encoder, loaded once."""

    def __init__(self, model: ModelFiles) -> None:
        from churn_core.scoring.bundle import load_bundle
        from churn_core.scoring.onnx_session import open_session
        from churn_core.scoring.predictor import ChurnPredictor
        from functions.score import app

        self._customers = model.read_customers()
        self._app = app
        bundle = load_bundle(model.bundle)
        self._encode = ChurnPredictor(bundle).encode
        self._session = open_session(bundle.graph)
        self._outputs = [output.name for output in self._session.get_outputs()]

    def rounds(self, size: int, count: int) -> Rounds:
        """Measure requests of one size; an additional first round warms up and is left out."""
        events = [api_event(self._customers, size, number) for number in range(CALLS[size])]
        bodies = [event["body"] for event in events]
        records = [json.loads(body) for body in bodies]
        matrices = [self._encode([found] if size == 1 else found["customers"]) for found in records]
        del records
        # Keeps the benchmark's own objects out of the collections that run during the handler.
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

        with patch.object(self._app, "add_metrics", note_and_add):
            handler = _median_milliseconds(
                lambda event: answers.append(self._app.lambda_handler(event, context)), events
            )
        if any(answer["statusCode"] != 200 for answer in answers):
            raise RuntimeError("The handler refused a customer, so its times are meaningless.")
        contents = [json.loads(answer["body"]) for answer in answers]
        session_run = _median_milliseconds(
            lambda matrix: self._session.run(self._outputs, {"features": matrix}), matrices
        )
        json_loads = _median_milliseconds(json.loads, bodies)
        run = {part: statistics.median(m[part] for m in measurements) for part in PARTS[:3]}
        run["Write"] = _median_milliseconds(lambda content: orjson.dumps(content).decode(), contents)
        beyond = handler - session_run
        return run | {
            "Rest": handler - sum(run.values()),
            "handler": handler,
            "session_run": session_run,
            "json_loads": json_loads,
            "beyond": beyond,
            "times_json": beyond / json_loads,
        }
