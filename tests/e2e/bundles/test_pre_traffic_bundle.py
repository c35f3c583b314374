"""The hook's bundle checks the score function's bundle, both under Lambda's own runtime."""

from __future__ import annotations

import json
import os
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

import pytest

from infra.local.aws.emulator import FunctionUnderEmulator
from infra.local.aws.remote_function import FunctionError
from infra.local.template_settings import TemplateSettings
from infra.local.tools import LambdaTools
from tests.proof_figures import record_figure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(
    "CHURN_HOOK_BUNDLE" not in os.environ,
    reason="builds the hook; 'make proof' runs it, or set CHURN_HOOK_BUNDLE=1",
)
VERSION: Final = "arn:aws:lambda:eu-west-1:123456789012:function:churn-score:7"
EVENT: Final = {"DeploymentId": "d-ABC123", "LifecycleEventHookExecutionId": "abc"}
CREDENTIALS: Final = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
REPORT: Final = "CodeDeploy_20141006.PutLifecycleEventHookExecutionStatus"


class Aws(ThreadingHTTPServer):
    """A stand-in for Lambda, which calls one version, and for CodeDeploy, which gets reports."""

    def __init__(self, version: Callable[[dict[str, Any]], Any]) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.version = version
        self.reports: list[dict[str, Any]] = []


class _Answers(BaseHTTPRequestHandler):
    server: Aws

    def do_POST(self) -> None:
        content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        error = None
        if self.headers.get("X-Amz-Target") == REPORT:
            self.server.reports.append(content)
            answer: Any = {}
        else:
            assert unquote(self.path) == f"/2015-03-31/functions/{VERSION}/invocations"
            try:
                answer = self.server.version(content)
            except FunctionError as fault:
                answer, error = {"errorMessage": type(fault).__name__}, "Unhandled"
        body = json.dumps(answer).encode()
        self.send_response(200)
        if error:
            self.send_header("X-Amz-Function-Error", error)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def aws(version: Callable[[dict[str, Any]], Any]) -> Iterator[Aws]:
    with Aws(version) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def hook_dir(built_function: Callable[[str, str], Path], lambda_tools: LambdaTools) -> Path:
    return built_function("PreTrafficFunction", lambda_tools.architecture)


@pytest.fixture(scope="module")
def version(
    built_function: Callable[[str, str], Path], lambda_tools: LambdaTools
) -> Iterator[FunctionUnderEmulator]:
    score_dir = built_function("ScoreFunction", lambda_tools.architecture)
    handler = TemplateSettings().function("ScoreFunction").handler
    with FunctionUnderEmulator(score_dir, handler, {}, lambda_tools) as running:
        yield running


def verdict(hook_dir: Path, tools: LambdaTools, version: Callable[[dict[str, Any]], Any]) -> str:
    """Run the hook; return the status that it reported to CodeDeploy."""
    declared = TemplateSettings().function("PreTrafficFunction")
    with aws(version) as server:
        variables = declared.environment | CREDENTIALS
        variables |= {
            "CHURN_NEW_VERSION": VERSION,
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
            "NO_PROXY": "127.0.0.1",
        }
        with FunctionUnderEmulator(hook_dir, declared.handler, variables, tools) as hook:
            answer = hook.invoke(EVENT)
        (report,) = server.reports
    assert report["deploymentId"] == EVENT["DeploymentId"]
    assert report["lifecycleEventHookExecutionId"] == EVENT["LifecycleEventHookExecutionId"]
    assert answer == {"status": report["status"]}
    return str(report["status"])


def test_the_built_version_passes_the_built_hook(
    hook_dir: Path, version: FunctionUnderEmulator, lambda_tools: LambdaTools
) -> None:
    assert verdict(hook_dir, lambda_tools, version.invoke) == "Succeeded"
    record_figure("hook before traffic", "the built hook lets the built version pass, and no other")


def test_a_version_with_another_decision_is_refused(
    hook_dir: Path, version: FunctionUnderEmulator, lambda_tools: LambdaTools
) -> None:
    def another_decision(event: dict[str, Any]) -> Any:
        answer = version.invoke(event)
        content = json.loads(answer["body"])
        first = content["predictions"][0]
        first["will_churn"] = not first["will_churn"]
        return answer | {"body": json.dumps(content)}

    assert verdict(hook_dir, lambda_tools, another_decision) == "Failed"


def test_a_version_that_dies_is_refused(hook_dir: Path, lambda_tools: LambdaTools) -> None:
    def dying(event: dict[str, Any]) -> Any:
        raise FunctionError("Runtime.ExitError")

    assert verdict(hook_dir, lambda_tools, dying) == "Failed"
