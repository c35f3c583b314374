"""Processes that score leave no file and open no socket that nobody asked for.

The Linux wheels of onnxruntime send telemetry by default (seen with 1.32.0: a device id and a database under
the user's cache folder, a session file in the folder for temporary files).
"""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pytest

from churn_core.data import generate_sample_data
from functions.batch.scoring_task import INPUT_FILE, OUTPUT_FILE, RESULT_FILE, TASK_FILE, ScoringTask
from infra.local.child_process import ChildProcess
from infra.local.tools import REPOSITORY
from tests.child_output import wait_for_output
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from infra.local.tools import LambdaTools

FOLDERS: Final = {
    "HOME": "home",
    "TMPDIR": "tmp",
    "XDG_CACHE_HOME": "cache",
    "XDG_CONFIG_HOME": "config",
    "XDG_DATA_HOME": "data",
    "MPLCONFIGDIR": "matplotlib",
}
CHURN: Final = (sys.executable, "-m", "churn_core.cli")
CUSTOMER: Final = {
    str(name): None if value != value else value
    for name, value in generate_sample_data(1, seed=5).drop(columns="Churn").astype(object).iloc[0].items()
}


@functools.cache
def strace_works() -> bool:
    """Whether strace is installed and the system allows it; without it only files are checked."""
    program = shutil.which("strace")
    return program is not None and not subprocess.run([program, "-qq", "-o", os.devnull, "true"]).returncode


@dataclass(frozen=True)
class EmptyMachine:
    """Empty folders for everything that a program may write without being asked, and a work folder."""

    folder: Path

    def __post_init__(self) -> None:
        for name in ("work", *FOLDERS.values()):
            (self.folder / name).mkdir()

    @property
    def work(self) -> Path:
        return self.folder / "work"

    @property
    def variables(self) -> dict[str, str]:
        own = {variable: str(self.folder / name) for variable, name in FOLDERS.items()}
        # None of this process's variables, so that the code has to switch telemetry off itself.
        return {"PATH": os.environ["PATH"], **own}

    def traced(self, command: Sequence[str | Path], *options: str) -> list[str | Path]:
        """The command, with its calls about sockets listed where strace works."""
        if not strace_works():
            return list(command)
        calls = ("-e", "trace=socket,connect", "-o", self.folder / "calls")
        return ["strace", "-f", "-qq", *options, *calls, *command]

    def run(self, command: Sequence[str | Path], variables: dict[str, str] | None = None) -> str:
        done = subprocess.run(
            self.traced(command),
            cwd=self.work,
            env=self.variables | (variables or {}),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def files(self) -> list[str]:
        """Files outside of the work folder."""
        found = (path.relative_to(self.folder) for path in self.folder.rglob("*") if path.is_file())
        return sorted(path.as_posix() for path in found if path.parts[0] not in ("work", "calls"))

    def sockets(self) -> list[str]:
        """Calls that open a network socket; empty where strace is not installed."""
        calls = self.folder / "calls"
        text = calls.read_text() if calls.exists() else ""
        return re.findall(r"(?:socket\(AF_INET|connect\(\d+, \{sa_family=AF_INET).*", text)


@pytest.fixture
def machine(tmp_path: Path) -> EmptyMachine:
    return EmptyMachine(tmp_path)


PROGRAMS: Final = {
    "import": "import churn_core.scoring.predictor",
    "import of the package": "from churn_core import ChurnPredictor",
    "load and predict": (
        "import json, sys; from pathlib import Path; from churn_core import ChurnPredictor;"
        " ChurnPredictor.load(Path(sys.argv[1])).predict(json.loads(sys.argv[2]))"
    ),
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_library_writes_no_file_and_opens_no_socket(
    machine: EmptyMachine, sample_bundle: Path, program: str
) -> None:
    machine.run([sys.executable, "-c", PROGRAMS[program], sample_bundle, json.dumps(CUSTOMER)])

    assert machine.files() == []
    assert machine.sockets() == []


def test_predict_and_score_write_only_what_was_asked_for(machine: EmptyMachine, sample_bundle: Path) -> None:
    generate_sample_data(200, seed=5).drop(columns="Churn").to_parquet(machine.work / "in.parquet")
    (machine.work / "customer.json").write_text(json.dumps(CUSTOMER))

    for arguments in (["predict", "customer.json"], ["score", "in.parquet", "out.parquet"]):
        machine.run([*CHURN, *arguments, "--model", sample_bundle])
        assert machine.files() == []
        assert machine.sockets() == []

    assert sorted(path.name for path in machine.work.iterdir()) == [
        "customer.json",
        "in.parquet",
        "out.parquet",
    ]


def test_serve_opens_only_its_listening_socket(machine: EmptyMachine, sample_bundle: Path) -> None:
    server = ChildProcess(
        # -D makes the server, not strace, the process that is stopped.
        machine.traced([*CHURN, "serve", "--model", sample_bundle, "--port", "0"], "-D"),
        folder=machine.work,
        environment=machine.variables,
    )
    with server:
        address = wait_for_output(server, r"http://\S+(?=\s)")[0]
        request = urllib.request.Request(
            address + "/predict", json.dumps(CUSTOMER).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            assert response.status == 200

    assert machine.files() == []
    if strace_works():
        # strace writes its list when it ends, which is after the server's end.
        wait_for(lambda: machine.sockets() != [])
        assert len(machine.sockets()) == 1
    assert list(machine.work.iterdir()) == []


def run_bundle(machine: EmptyMachine, tools: LambdaTools, folder: Path, program: str) -> str:
    # -I and -S hide this checkout and site-packages from the bundle.
    return machine.run(
        [
            *(tools.python, "-I", "-S", "-c", f"import sys; sys.path.insert(0, sys.argv[1]); {program}"),
            *(folder, (REPOSITORY / "events" / "predict.json").read_text(encoding="utf-8")),
        ],
        {
            "LAMBDA_TASK_ROOT": str(folder),
            "AWS_REGION": "eu-west-1",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "POWERTOOLS_TRACE_DISABLED": "true",
        },
    )


def test_the_built_score_function_writes_no_file_and_opens_no_socket(
    machine: EmptyMachine, built_function: Callable[[str, str], Path], lambda_tools: LambdaTools
) -> None:
    printed = run_bundle(
        machine,
        lambda_tools,
        built_function("ScoreFunction", lambda_tools.architecture),
        "import json; from types import SimpleNamespace; from functions.score.app import lambda_handler;"
        " context = SimpleNamespace(function_name='score', memory_limit_in_mb=1024, aws_request_id='1',"
        " invoked_function_arn='arn:aws:lambda:eu-west-1:123456789012:function:score',"
        " get_remaining_time_in_millis=lambda: 9000);"
        " print(lambda_handler(json.loads(sys.argv[2]), context)['statusCode'])",
    )

    assert printed.splitlines()[-1] == "200"
    assert machine.files() == []
    assert machine.sockets() == []


def test_the_built_batch_functions_reader_writes_only_its_result(
    machine: EmptyMachine, built_function: Callable[[str, str], Path], lambda_tools: LambdaTools
) -> None:
    folder = built_function("BatchFunction", lambda_tools.architecture)
    generate_sample_data(200, seed=5).drop(columns="Churn").to_parquet(machine.work / INPUT_FILE)
    task = ScoringTask(str(folder / "model"), {}, max_rows=1_000, memory_mb=1_769, cpu_seconds=60)
    task.write(machine.work)

    run_bundle(
        machine, lambda_tools, folder, "from functions.batch.scoring_child import main; sys.exit(main())"
    )

    assert json.loads((machine.work / RESULT_FILE).read_text())["scored"] == 200
    assert machine.files() == []
    assert machine.sockets() == []
    assert {path.name for path in machine.work.iterdir()} == {INPUT_FILE, TASK_FILE, OUTPUT_FILE, RESULT_FILE}
