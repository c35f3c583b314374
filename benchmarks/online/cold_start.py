"""The start of the built score function beside what no start with onnxruntime can do without.

The function runs as `sam build` writes it, under AWS's runtime interface emulator; time runs from the
first invocation, which starts the interpreter, to its answer. The floor is the same interpreter with the
same packages from the same folder: import onnxruntime, load the same session, nothing else.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.online.rounds import Figure
from infra.local.emulator import FunctionUnderEmulator
from infra.local.function_build import build_function
from infra.local.template_settings import TemplateSettings
from infra.local.tools import REPOSITORY, find_tools

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.local.tools import LambdaTools

WANTED_RATIO: Final = 3.0

_FLOOR: Final = """
import sys
sys.path.insert(0, sys.argv[1])
import onnxruntime
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
onnxruntime.InferenceSession(sys.argv[1] + "/model/model.onnx", options, providers=["CPUExecutionProvider"])
print("ready", flush=True)
"""
_NUMPY: Final = """
import sys
sys.path.insert(0, sys.argv[1])
import numpy
print("ready", flush=True)
"""


@dataclass(frozen=True, slots=True)
class ColdStart:
    """Milliseconds of each start.

    Attributes
    ----------
    first_answer : Figure
        From the first invocation to its answer, under the emulator.
    init_report : Figure
        What the emulator says itself of the start: interpreter, imports, model.
    floor : Figure
        onnxruntime and its session alone.
    numpy : Figure
        numpy alone, which is a part of the floor.
    ratio : Figure
        `first_answer` by `floor`, round by round.
    python : str
        Version of the interpreter of all of them.
    """

    first_answer: Figure
    init_report: Figure
    floor: Figure
    numpy: Figure
    ratio: Figure
    python: str


def measure_cold_start(model: Path, rounds: int) -> ColdStart:
    """Build the function, then start each contender in turn.

    Parameters
    ----------
    model : Path
        The bundle to ship.
    rounds : int
        Starts of each; one more comes first and is not counted, for the files to be in memory.
    """
    tools = find_tools()
    with tempfile.TemporaryDirectory(prefix="churn-bench-build-") as target:
        folder = build_function("ScoreFunction", tools, model, Path(target))
        runs = [_one_round(folder, tools) for _ in range(rounds + 1)][1:]
    answers, reports, floors, numpys = zip(*runs, strict=True)
    return ColdStart(
        first_answer=Figure.of(answers),
        init_report=Figure.of(reports),
        floor=Figure.of(floors),
        numpy=Figure.of(numpys),
        ratio=Figure.of(answer / floor for answer, floor in zip(answers, floors, strict=True)),
        python=tools.python_version,
    )


def _one_round(folder: Path, tools: LambdaTools) -> tuple[float, float, float, float]:
    event = json.loads((REPOSITORY / "events" / "predict.json").read_text(encoding="utf-8"))
    handler = TemplateSettings().function("ScoreFunction").handler
    with FunctionUnderEmulator(folder, handler, {}, tools) as function:
        started = time.perf_counter()
        answer = function.invoke(event)
        first_answer = (time.perf_counter() - started) * 1_000
        if answer["statusCode"] != 200:
            raise RuntimeError(f"The function answered {answer['statusCode']}; look at {folder}.")
        init_report = function.init_milliseconds
    # -I, -S: no environment variable and no site-packages, only the bundle.
    command = [str(tools.python), "-I", "-S", "-c"]
    floor = _until_ready([*command, _FLOOR, str(folder)])
    return first_answer, init_report, floor, _until_ready([*command, _NUMPY, str(folder)])


def _until_ready(command: Sequence[str]) -> float:
    """Return the milliseconds until a process says that it is ready; what its end takes does not count."""
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline() if process.stdout else ""
        elapsed = (time.perf_counter() - started) * 1_000
    if line.strip() != "ready":
        raise RuntimeError(f"{command[0]} could not load onnxruntime from the built function.")
    return elapsed
