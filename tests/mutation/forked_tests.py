"""Run tests in forks of a process that has imported the heavy packages already: about a second per mutant.

The packages are imported once, and no module of the project is. A fork therefore reads the project's modules
from its own copy of the project, in which one file holds the fault.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import math
import os
import resource
import select
import shutil
import signal
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

PACKAGES: Final = (
    *("pytest", "pytest_timeout", "_hypothesis_pytestplugin", "hypothesis.extra.numpy"),
    *("numpy", "pandas", "pyarrow.parquet", "pyarrow.csv", "scipy.stats", "scipy.sparse", "joblib"),
    *(
        "sklearn.ensemble",
        "sklearn.linear_model",
        "sklearn.pipeline",
        "sklearn.isotonic",
        "sklearn.calibration",
    ),
    *("onnx", "onnxruntime", "skl2onnx", "duckdb", "arro3.core", "pydantic", "yaml", "jinja2"),
    *("boto3", "moto.server", "moto.s3.models", "moto.s3.urls", "moto.events.urls", "moto.sqs.urls"),
    *("aws_lambda_powertools.metrics", "aws_lambda_powertools.event_handler", "orjson", "matplotlib.figure"),
)
PROJECT: Final = ("churn_core", "functions", "infra", "tests", "benchmarks")

PROCESSOR_SECONDS: Final = 10.0
"""A fast test that takes more of the processor's time loops forever."""

_SET_CHILD_SUBREAPER: Final = 36
_WAITS: Final = -1_000
"""In place of an exit code: the tests wait for something that does not happen."""
_IDLE: Final = 1.0
"""Seconds of processor time; even on a busy machine, tests that do something use more in half a minute."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the tests of one mutant ended.

    Attributes
    ----------
    result : str
        ``killed``, ``survived``, ``timeout`` if a test does not end, or ``untested`` if no test was found.
    failed : str
        The test that failed.
    """

    result: str
    failed: str
    seconds: float


class ForkedTests:
    """Runs tests in a copy of the project, each time in a new fork of this process.

    Parameters
    ----------
    copy : Path
        Copy of the project. Reports, logs and temporary files are written beside it.
    variables : mapping
        Environment of the tests.
    """

    def __init__(self, copy: Path, variables: Mapping[str, str]) -> None:
        self._copy = copy
        self._report, self._log, self._temporary = (
            copy.with_name(f"{copy.name}.{suffix}") for suffix in ("json", "log", "tmp")
        )
        self._variables = dict(variables)
        # Python compares a compiled file with its source by size and whole second of the change.
        self._changed = int(time.time())
        # Processes that a killed test leaves behind become children of this one, which ends them.
        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1)

    def run(self, tests: Mapping[str, float], seconds: float, file: str = "", source: str = "") -> Outcome:
        """Run tests in their order until one fails.

        Parameters
        ----------
        tests : mapping
            Node ids, each with the seconds that the test usually takes.
        seconds : float
            After these the tests are killed, which is no ``timeout`` if tests still make progress.
        file, source : str
            A file of the project, and its content with a fault.
        """
        path = self._copy / file
        sound = path.read_text(encoding="utf-8") if file else ""
        started = time.monotonic()
        try:
            if file:
                self._write(path, source)
            code = self._fork(tests, seconds)
        finally:
            if file:
                self._write(path, sound)
        took = round(time.monotonic() - started, 2)
        report: dict[str, Any] = {}
        if self._report.exists():
            report = json.loads(self._report.read_text(encoding="utf-8"))
        if code == _WAITS or code == -signal.SIGXCPU:
            return Outcome("timeout", "", took)
        if code == pytest.ExitCode.OK or code is None:
            return Outcome("survived" if report.get("passed") else "untested", "", took)
        if code == pytest.ExitCode.NO_TESTS_COLLECTED:
            return Outcome("untested", "", took)
        return Outcome("killed", report.get("failed", "the import of the tests"), took)

    def _write(self, path: Path, text: str) -> None:
        path.write_text(text, encoding="utf-8")
        self._changed += 1
        os.utime(path, (self._changed, self._changed))

    def _fork(self, tests: Mapping[str, float], seconds: float) -> int | None:
        """Run tests in a fork; return its exit code or minus a signal, `_WAITS`, or None after `seconds`."""
        self._report.unlink(missing_ok=True)
        process = os.fork()
        if process == 0:
            self._run_in_fork(tests)
        code = None
        handle = os.pidfd_open(process)
        try:
            # A busy machine slows tests down, but one that does nothing for half of the time waits forever.
            for _ in range(2):
                used = _processor_seconds(process)
                if select.select([handle], [], [], seconds / 2)[0]:
                    break
                code = _WAITS if _processor_seconds(process) - used < _IDLE else None
            else:
                os.kill(process, signal.SIGKILL)
                return code
        finally:
            os.close(handle)
            _, status = os.waitpid(process, 0)
            _end_children()
        return os.waitstatus_to_exitcode(status)

    def _run_in_fork(self, tests: Mapping[str, float]) -> NoReturn:
        code = int(pytest.ExitCode.INTERNAL_ERROR)
        try:
            os.setsid()
            log = self._log.open("w", encoding="utf-8")
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
            os.chdir(self._copy)
            os.environ.update(self._variables)
            for name in [name for name in sys.modules if name.partition(".")[0] in PROJECT]:
                del sys.modules[name]
            sys.path[0] = str(self._copy)
            shutil.rmtree(self._temporary, ignore_errors=True)
            files = list(dict.fromkeys(test.partition("::")[0] for test in tests))
            options = ["-x", "--hypothesis-seed=0", f"--basetemp={self._temporary}"]
            # Other plugins take a second to load.
            os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
            loaded = ["-ppytest_timeout", "-p_hypothesis_pytestplugin", "-pno:cacheprovider"]
            limit_processor(PROCESSOR_SECONDS)
            plugin = _ChosenTests(tests, self._report)
            code = int(pytest.main([*options, *loaded, *files], plugins=[plugin]))
        except BaseException:  # noqa: BLE001 (the fork must never continue the work of its parent)
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(code)


class _ChosenTests:
    """Pytest plugin: keeps the chosen tests in their order, and writes down how they ended."""

    def __init__(self, tests: Mapping[str, float], path: Path) -> None:
        self._seconds = tests
        self._place = {test: place for place, test in enumerate(tests)}
        self._path = path
        self._passed = 0

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted(
            (item for item in items if item.nodeid in self._place), key=lambda item: self._place[item.nodeid]
        )

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        limit_processor(max(PROCESSOR_SECONDS, 2 * self._seconds[nodeid]))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._path.write_text(json.dumps({"failed": report.nodeid}), encoding="utf-8")
        elif report.passed and report.when == "call":
            self._passed += 1
            self._path.write_text(json.dumps({"passed": self._passed}), encoding="utf-8")


def limit_processor(seconds: float) -> None:
    """Let Linux end this process, by SIGXCPU, after further seconds of processor time."""
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(time.process_time() + seconds), most))


def import_packages() -> None:
    """Import what most tests import, so that forks find it in memory."""
    for name in PACKAGES:
        with contextlib.suppress(ModuleNotFoundError):
            importlib.import_module(name)
    # pytest collects garbage at its end, which would visit, and so copy, all of this memory in each fork.
    gc.collect()
    gc.freeze()


def _processor_seconds(process: int) -> float:
    """Return the processor time of a process and of those of its children that have ended."""
    # The name in brackets may hold spaces; utime, stime, cutime and cstime are fields 14 to 17 of proc(5).
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def _end_children() -> None:
    """Kill every process that a run of tests has left behind."""
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    while found := children.read_text(encoding="ascii").split():
        for child in map(int, found):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
