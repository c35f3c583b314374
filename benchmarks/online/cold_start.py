"""Compare the start of the built score function with the least that a start with onnxruntime takes.

The function runs as `sam build` writes it, under AWS's runtime interface emulator. Its time runs from the
first invocation, which starts the interpreter, to the answer. The floor is the same interpreter with the
same packages from the same folder: it imports onnxruntime and loads the same session, nothing else.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from infra.local.aws.emulator import FunctionUnderEmulator
from infra.local.function_build import build_function
from infra.local.template_settings import TemplateSettings
from infra.local.tools import REPOSITORY, find_tools

if TYPE_CHECKING:
    from infra.local.tools import LambdaTools

WANTED_RATIO: Final = 3.0

_PATH: Final = "import sys; sys.path.insert(0, sys.argv[1])\n"
_FLOOR: Final = """
import os
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import onnxruntime
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
onnxruntime.InferenceSession(sys.argv[1] + "/model/model.onnx", options, providers=["CPUExecutionProvider"])
"""


def measure_cold_start(model: Path, rounds: int) -> tuple[str, list[dict[str, float]]]:
    """Build the function with the bundle `model`, then start each contender in turn.

    An additional first round reads the files into memory and is left out.

    Returns
    -------
    python : str
        Version of the interpreter.
    rounds : list of dict
        Milliseconds: ``first_answer`` from the first invocation to its answer, ``init_report`` as the
        emulator reports the start, ``floor``, and ``numpy``, which is a part of the floor. ``ratio`` is
        ``first_answer`` divided by ``floor``.
    """
    tools = find_tools()
    with tempfile.TemporaryDirectory(prefix="churn-bench-build-") as target:
        folder = build_function("ScoreFunction", tools, model, Path(target))
        return tools.python_version, [_one_round(folder, tools) for _ in range(rounds + 1)][1:]


def _one_round(folder: Path, tools: LambdaTools) -> dict[str, float]:
    event = json.loads((REPOSITORY / "events" / "predict.json").read_text(encoding="utf-8"))
    handler = TemplateSettings().function("ScoreFunction").handler
    with FunctionUnderEmulator(folder, handler, {}, tools) as function:
        started = time.perf_counter()
        answer = function.invoke(event)
        first_answer = (time.perf_counter() - started) * 1_000
        if answer["statusCode"] != 200:
            raise RuntimeError(f"The function in {folder} answered {answer['statusCode']}: {answer['body']}")
        init_report = function.init_milliseconds
    floor = _milliseconds_until_ready(tools.python, _FLOOR, folder)
    return {
        "first_answer": first_answer,
        "init_report": init_report,
        "floor": floor,
        "numpy": _milliseconds_until_ready(tools.python, "import numpy", folder),
        "ratio": first_answer / floor,
    }


def _milliseconds_until_ready(python: Path, program: str, folder: Path) -> float:
    """Return the milliseconds until the program has run; the end of its interpreter does not count."""
    # -I, -S: no environment variable and no site-packages, only the bundle.
    command = [str(python), "-I", "-S", "-c", f"{_PATH}{program}\nprint('ready', flush=True)", str(folder)]
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline() if process.stdout else ""
        elapsed = (time.perf_counter() - started) * 1_000
    if line.strip() != "ready":
        raise RuntimeError(f"{python} could not load onnxruntime from the built function in {folder}.")
    return elapsed
