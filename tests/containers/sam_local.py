"""SAM's local commands for the built functions, with an S3 that their containers can reach."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from typing import TYPE_CHECKING, Any, Final

import boto3
import yaml
from botocore.config import Config

from infra.local.child_process import ChildProcess, free_ports

if TYPE_CHECKING:
    from contextlib import ExitStack
    from pathlib import Path

    from infra.local.tools import LambdaTools
    from tests.containers.docker_engine import DockerEngine

INPUT_BUCKET: Final = "churn-dev-input-123456789012-eu-west-1"
OUTPUT_BUCKET: Final = "churn-dev-output-123456789012-eu-west-1"
"""The buckets that the payloads in events/ name."""

REGION: Final = "eu-west-1"
CREDENTIALS: Final = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": REGION,
}


class SamLocal:
    """The common arguments of SAM's local commands.

    Parameters
    ----------
    tools : LambdaTools
    engine : DockerEngine
    template : Path
        The template that SAM has built.
    endpoint_url : str
        Address of S3.
    folder : Path
        Folder for temporary files.
    """

    def __init__(
        self, tools: LambdaTools, engine: DockerEngine, template: Path, endpoint_url: str, folder: Path
    ) -> None:
        built = yaml.safe_load(template.read_text(encoding="utf-8"))
        # SAM sets only variables that the template names, and the template does not need this one on AWS.
        variables = built["Resources"]["BatchFunction"]["Properties"]["Environment"]["Variables"]
        variables["AWS_ENDPOINT_URL"] = ""
        self._template = template.with_name("template-with-endpoint.yaml")
        self._template.write_text(yaml.safe_dump(built), encoding="utf-8")
        self._variables = folder / "variables.json"
        chosen = {
            "AWS_ENDPOINT_URL": endpoint_url,
            "CHURN_INPUT_BUCKET": INPUT_BUCKET,
            "CHURN_OUTPUT_BUCKET": OUTPUT_BUCKET,
        }
        self._variables.write_text(json.dumps({"BatchFunction": chosen}), encoding="utf-8")
        self._sam = tools.sam
        self.environment = (
            os.environ
            | engine.environment
            | CREDENTIALS
            | {"SAM_CLI_TELEMETRY": "0", "__SAM_CLI_APP_DIR": str(folder / "sam")}
        )

    def command(self, *words: str | Path) -> list[str | Path]:
        """Return a ``sam local`` command for the built architecture and the local base image."""
        return [
            *(self._sam, "local", *words, "--template", self._template, "--env-vars", self._variables),
            *("--parameter-overrides", "Architecture=x86_64", "--skip-pull-image"),
        ]

    def invoke(self, function: str, event: Path) -> Any:
        """Return the function's answer to an event, as ``sam local invoke`` prints it."""
        done = subprocess.run(
            self.command("invoke", function, "--event", event),
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


class SamServer(ChildProcess):
    """``sam local start-lambda`` or ``start-api``; it keeps one container of each function running.

    Attributes
    ----------
    address : str
        Where it answers by HTTP.
    """

    def __init__(self, sam: SamLocal, service: str) -> None:
        (self._port,) = free_ports(1)
        super().__init__(
            sam.command(service, "--warm-containers", "EAGER", "--port", str(self._port)),
            environment=sam.environment,
            # After Ctrl-C it removes its containers.
            stop_signal=signal.SIGINT,
            grace_seconds=60,
        )
        self.address = f"http://127.0.0.1:{self._port}"

    def start(self, stack: ExitStack) -> None:
        super().start(stack)
        self.wait_until_listening(self._port)

    def client(self) -> Any:
        """Return a boto3 client for this server."""
        return boto3.client(
            "lambda",
            endpoint_url=self.address,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(proxies={}, read_timeout=120, retries={"max_attempts": 0}),
        )
