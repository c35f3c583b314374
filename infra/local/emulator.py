"""Run a built function under AWS's own runtime interface emulator: no Docker, no account.

The emulator is the one that SAM brings along; the language runtime is `awslambdaric`, under the Python
for which the bundle was built. One emulator is one execution environment, as in Lambda.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

REPOSITORY: Final = Path(__file__).resolve().parents[2]
RUNTIME_VERSION: Final = "3.13"
"""The Python of the template's Runtime."""

_START_SECONDS: Final = 10
# This machine is never behind a proxy.
_DIRECTLY: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_INIT_REPORT: Final = re.compile(r"INIT REPORT\(durationMs: ([0-9.]+)\)")


class MissingToolError(Exception):
    """A tool is not there; the message says what to install."""


class FunctionError(Exception):
    """The function, or the emulator for it, answered with an error; the message is the whole answer."""


@dataclass(frozen=True, slots=True)
class LambdaTools:
    """What it takes to build a function here and to run it.

    Attributes
    ----------
    sam : Path
        The SAM command line, in an environment of its own.
    emulator : Path
        The runtime interface emulator for this machine.
    python : Path
        The interpreter to build for and to run under: the Lambda's version, or this process's own where
        there is none.
    python_version : str
        Its minor version.
    architecture : str
        This machine's, in AWS's words.
    uv : Path
        Installs packages.
    """

    sam: Path
    emulator: Path
    python: Path
    python_version: str
    architecture: str
    uv: Path


def find_tools() -> LambdaTools:
    """Find the tools.

    Raises
    ------
    MissingToolError
        If SAM or uv is not installed.
    """
    architecture = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
    sam = REPOSITORY / ".sam-venv" / "bin" / "sam"
    emulators = sorted(sam.parent.parent.glob(f"lib/*/site-packages/samcli/local/rapid/*-{architecture}"))
    if not (sam.exists() and emulators):
        raise MissingToolError("AWS SAM is not installed in .sam-venv; run 'make setup-sam'.")
    uv = shutil.which("uv", path=f"{REPOSITORY / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}")
    if uv is None:
        raise MissingToolError("uv is not installed in .venv; run 'make setup'.")
    python = _lambda_python()
    if python is None:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        # Not the virtual environment's: its packages must not help the bundle.
        python = Path(sys.base_prefix, "bin", f"python{version}")
    else:
        version = RUNTIME_VERSION
    return LambdaTools(sam, emulators[0], python, version, architecture, Path(uv))


def _lambda_python() -> Path | None:
    """Return a Python of the Lambda's version that really runs: pyenv's shim may be there and not run."""
    for command in filter(None, (os.environ.get("LAMBDA_PYTHON"), f"python{RUNTIME_VERSION}")):
        try:
            found = subprocess.run(
                [command, "-c", "import sys; print('%d.%d' % sys.version_info[:2], sys.executable)"],
                capture_output=True,
                text=True,
                check=True,
            )
        except (OSError, subprocess.CalledProcessError):
            continue
        version, executable = found.stdout.strip().split(" ", 1)
        if version == RUNTIME_VERSION:
            return Path(executable)
    if shutil.which("pyenv"):
        prefix = subprocess.run(["pyenv", "prefix", "3.13.0"], capture_output=True, text=True, check=False)
        python = Path(prefix.stdout.strip(), "bin", "python3.13")
        if prefix.returncode == 0 and python.exists():
            return python
    return None


def install_runtime(tools: LambdaTools) -> Path:
    """Return a folder with what Lambda's Python runtime brings along, installed once for each lock."""
    lock = REPOSITORY / "requirements" / "runtime.txt"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    target = REPOSITORY / "build" / f"runtime-{tools.python_version}-{digest}"
    if target.exists():
        return target
    target.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, ignore_cleanup_errors=True) as unfinished:
        packages = Path(unfinished, "packages")
        subprocess.run(
            [
                *(tools.uv, "pip", "install", "--quiet", "--target", packages, "--python", tools.python),
                *("--require-hashes", "--only-binary", ":all:", "-r", lock),
            ],
            check=True,
            env=os.environ | {"UV_PYTHON_DOWNLOADS": "never"},
        )
        try:
            packages.rename(target)
        except OSError:
            # Another process was quicker; its packages come of the same lock.
            if not target.exists():
                raise
    return target


class FunctionUnderEmulator:
    """A built function that can be invoked while the ``with`` block lasts.

    Parameters
    ----------
    build_dir : Path
        The function's folder as `sam build` wrote it.
    handler : str
        As in the template.
    environment : mapping
        The function's environment variables.
    tools : LambdaTools
        From `find_tools`.
    memory_mb : int
        Told to the function, not enforced.
    timeout_seconds : int
        Enforced by the emulator.
    launcher : sequence of str
        A command that starts another one, which follows: for limits of one's own around it all.
    """

    def __init__(
        self,
        build_dir: Path,
        handler: str,
        environment: Mapping[str, str],
        tools: LambdaTools,
        memory_mb: int = 1024,
        timeout_seconds: int = 30,
        launcher: Sequence[str] = (),
    ) -> None:
        self._launcher = launcher
        self._build_dir = build_dir
        self._handler = handler
        self._tools = tools
        self._timeout_seconds = timeout_seconds
        self._variables = {
            "PATH": "/usr/bin:/bin",
            "HOME": tempfile.gettempdir(),
            "LAMBDA_TASK_ROOT": str(build_dir),
            # The folder of the bundle comes first on the path, as the current one: as /var/task does.
            "PYTHONPATH": str(install_runtime(tools)),
            "AWS_REGION": "eu-west-1",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_LAMBDA_FUNCTION_NAME": build_dir.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory_mb),
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout_seconds),
            **environment,
        }
        # A second invocation at the same time would crash the emulator.
        self._one_at_a_time = threading.Lock()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._log = stack.enter_context(tempfile.NamedTemporaryFile("w+b", suffix=".log"))
            # Each environment has a /tmp of its own.
            own = stack.enter_context(tempfile.TemporaryDirectory(prefix="tmp-", ignore_cleanup_errors=True))
            self._port, runtime_port = _free_ports()
            self._process = subprocess.Popen(
                [
                    *self._launcher,
                    *(self._tools.emulator, "--log-level", "info"),
                    # Both addresses, since two emulators must not meet at the defaults.
                    *("--runtime-interface-emulator-address", f"127.0.0.1:{self._port}"),
                    *("--runtime-api-address", f"127.0.0.1:{runtime_port}"),
                    *(self._tools.python, "-m", "awslambdaric", self._handler),
                ],
                cwd=self._build_dir,
                env={"TMPDIR": own} | self._variables,
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            stack.callback(self._stop)
            self._wait_until_it_listens()
            self._cleanup = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cleanup.close()

    @property
    def address(self) -> str:
        """Where the emulator takes invocations."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def log(self) -> str:
        """What emulator and function have written so far."""
        return Path(self._log.name).read_text(encoding="utf-8", errors="replace")

    @property
    def is_running(self) -> bool:
        """Whether the emulator is alive; the function in it is started anew by itself."""
        return self._process.poll() is None

    @property
    def init_milliseconds(self) -> float:
        """How long the first start took: interpreter, imports, model. Known after the first `invoke`."""
        found = _INIT_REPORT.search(self.log)
        if found is None:
            raise FunctionError(f"The emulator has reported no start:\n{self.log}")
        return float(found.group(1))

    def invoke(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Return the handler's answer to one event, which must be an object.

        Raises
        ------
        FunctionError
            If the handler raised, was not found, ran out of time, died, or answered something else.
        """
        answer = self.call(event)
        if not isinstance(answer, dict):
            raise FunctionError(f"The function answered {type(answer).__name__} instead of an object.")
        return answer

    def call(self, event: Mapping[str, Any]) -> Any:
        """Return the handler's answer to one event, whatever JSON it is.

        Raises
        ------
        FunctionError
            If the handler raised, was not found, ran out of time or died.
        """
        request = urllib.request.Request(
            f"{self.address}/2015-03-31/functions/function/invocations",
            data=encoded_event(event),
        )
        with self._one_at_a_time:
            try:
                with _DIRECTLY.open(request, timeout=self._timeout_seconds + 30) as response:
                    text = response.read().decode()
            except urllib.error.HTTPError as error:
                raise FunctionError(f"{error.read().decode()}\n{self.log}") from error
            except (OSError, http.client.HTTPException) as error:
                raise FunctionError(f"The emulator has gone ({type(error).__name__}).") from error
        try:
            answer = json.loads(text)
        except ValueError as error:  # A timeout is told in plain text.
            raise FunctionError(text) from error
        if isinstance(answer, dict) and "errorType" in answer:
            raise FunctionError(text)
        return answer

    def _wait_until_it_listens(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise FunctionError(f"The emulator did not start:\n{self.log}")

    def _stop(self) -> None:
        """End the emulator and what it has started: a session, of which parts may outlive its leader."""
        for pid in [self._process.pid, *_members_of_session(self._process.pid)]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()


def _members_of_session(session: int) -> list[int]:
    members = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # After the name, which may hold anything: state, parent, group, session (proc(5)).
            if int(path.read_text().rpartition(")")[2].split()[3]) == session:
                members.append(int(path.parent.name))
    return members


def encoded_event(event: Mapping[str, Any]) -> bytes:
    """Return an event as it travels: UTF-8, whose bytes count against Lambda's limit."""
    try:
        return json.dumps(event, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # Half a surrogate pair can be written as an escape alone.
        return json.dumps(event).encode()


def _free_ports() -> tuple[int, int]:
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        return first.getsockname()[1], second.getsockname()[1]
