"""Run a built function under AWS's runtime interface emulator: no Docker, no account.

SAM ships the emulator. It starts `awslambdaric`, Lambda's runtime for Python, under the Python for which the
bundle was built. One emulator is one execution environment, as in Lambda.
"""

from __future__ import annotations

import re
import signal
import tempfile
from typing import TYPE_CHECKING, Any, Final

from infra.local.aws.remote_function import FunctionError, RemoteFunction
from infra.local.child_process import ChildProcess, ProcessFailedError, Service, free_ports
from infra.local.tools import install_runtime

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import ExitStack
    from pathlib import Path

    from infra.local.tools import LambdaTools

_INIT_REPORT: Final = re.compile(r"INIT REPORT\(durationMs: ([0-9.]+)\)")


class FunctionUnderEmulator(Service):
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
        Passed to the function as its memory size, but not enforced.
    timeout_seconds : int
        Enforced by the emulator.
    launcher : sequence of str
        A command that starts the command after it, such as one that limits memory.
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
        self._build_dir = build_dir
        self._port, runtime_port = free_ports(2)
        self._command: list[str | Path] = [
            *launcher,
            *(tools.emulator, "--log-level", "info"),
            # Both addresses: two emulators must not use the same default ports.
            *("--runtime-interface-emulator-address", f"127.0.0.1:{self._port}"),
            *("--runtime-api-address", f"127.0.0.1:{runtime_port}"),
            *(tools.python, "-m", "awslambdaric", handler),
        ]
        self._variables = {
            "PATH": "/usr/bin:/bin",
            "HOME": tempfile.gettempdir(),
            "LAMBDA_TASK_ROOT": str(build_dir),
            # The bundle itself comes first, because Python runs in its folder; so does /var/task in Lambda.
            "PYTHONPATH": str(install_runtime(tools)),
            "AWS_REGION": "eu-west-1",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_LAMBDA_FUNCTION_NAME": build_dir.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory_mb),
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout_seconds),
            **environment,
        }
        self._function = RemoteFunction(self.address, timeout_seconds)

    def start(self, stack: ExitStack) -> None:
        # Each environment has its own folder for temporary files, as it has its own /tmp in Lambda.
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="tmp-", ignore_cleanup_errors=True))
        self._process = stack.enter_context(
            ChildProcess(
                self._command,
                folder=self._build_dir,
                environment={"TMPDIR": folder} | self._variables,
                # An environment keeps nothing, so there is nothing to wait for.
                stop_signal=signal.SIGKILL,
            )
        )
        try:
            self._process.wait_until_listening(self._port)
        except ProcessFailedError as error:
            raise FunctionError(f"The emulator did not start. {error}") from error

    @property
    def address(self) -> str:
        """Where the emulator accepts invocations."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def log(self) -> str:
        """Everything that emulator and function have written so far."""
        return self._process.output

    @property
    def is_running(self) -> bool:
        """Whether the emulator is alive; it restarts a function that died by itself."""
        return self._process.is_running

    @property
    def init_milliseconds(self) -> float:
        """Duration of the first start: interpreter, imports, model. Known after the first `invoke`."""
        found = _INIT_REPORT.search(self.log)
        if found is None:
            raise FunctionError(
                f"The emulator's log has no start-up duration yet; call invoke first. The log:\n{self.log}"
            )
        return float(found.group(1))

    def invoke(self, event: Mapping[str, Any]) -> Any:
        """Return the handler's answer to one event, whatever JSON it is.

        Raises
        ------
        FunctionError
            If the handler raised, was not found, timed out or died. The log follows the error answer.
        """
        try:
            return self._function.invoke(event)
        except FunctionError as error:
            raise FunctionError(f"{error}\n{self.log}") from error
