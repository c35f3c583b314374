"""The stack in containers, built and started with the project's Dockerfile and compose.yaml."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churn_core.data import generate_sample_data
from churn_core.scoring.predictor import ChurnPredictor
from infra.local.child_process import free_ports
from tests.containers.docker_engine import EngineError
from tests.containers.lambda_base import BASE_IMAGE
from tests.proof_figures import record_figure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.containers.docker_engine import DockerEngine

INPUT_BUCKET: Final = "churn-local-input-123456789012-eu-west-1"
OUTPUT_BUCKET: Final = "churn-local-output-123456789012-eu-west-1"
PATIENCE_SECONDS: Final = 600
"""Only a bound for a broken stack: each wait ends as soon as its condition holds."""
SECRET: Final = "SSN-111-22-3333"


def compose_command(engine: DockerEngine) -> list[str]:
    """Return the Compose command: Docker's plugin or the separate program."""
    try:
        engine.run("docker", "compose", "version")
    except EngineError:
        if shutil.which("docker-compose") is None:
            pytest.skip("Compose is not installed; apt-get install docker-compose.")
        return ["docker-compose"]
    return ["docker", "compose"]


class ContainerStack:
    """The running services."""

    def __init__(self, engine: DockerEngine, context: Path) -> None:
        self._engine, self._context = engine, context
        self._command = [*compose_command(engine), "--project-name", "churn-test"]
        ports = free_ports(2)
        engine.environment |= {"BASE": BASE_IMAGE, "PORT": str(ports[0]), "AWS_PORT": str(ports[1])}
        self.address = f"http://127.0.0.1:{ports[0]}"
        self._s3_address = f"http://127.0.0.1:{ports[1]}"

    def compose(self, *words: str) -> str:
        return self._engine.run(*self._command, *words, folder=self._context)

    def container(self, service: str) -> str:
        return self.compose("ps", "--quiet", service).strip()

    def inspect(self, service: str, field: str) -> str:
        return self._engine.run("docker", "inspect", "--format", field, self.container(service)).strip()

    def s3(self) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=self._s3_address,
            region_name="eu-west-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )

    def wait_for(self, prefix: str) -> bytes:
        """Return the only object under a prefix of the output bucket, as soon as it exists."""
        s3, deadline = self.s3(), time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            listed = s3.list_objects_v2(Bucket=OUTPUT_BUCKET, Prefix=prefix).get("Contents", [])
            if listed:
                (found,) = listed
                content: bytes = s3.get_object(Bucket=OUTPUT_BUCKET, Key=found["Key"])["Body"].read()
                return content
            time.sleep(0.1)
        raise AssertionError(self.compose("logs"))

    def wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(self.address + "/health") as answer:
                    assert answer.status == 200
                    return
            except (OSError, urllib.error.HTTPError):
                time.sleep(0.2)
        raise AssertionError(self.compose("logs"))


@pytest.fixture(scope="module")
def stack(engine: DockerEngine, context: Path) -> Iterator[ContainerStack]:
    running = ContainerStack(engine, context)
    started = time.monotonic()
    running.compose("build")
    built = time.monotonic()
    running.compose("up", "--detach")
    running.wait_until_it_answers()
    record_figure(
        "Seconds to build the images of compose.yaml, and from 'up' to the API's first answer",
        f"{built - started:.0f}, {time.monotonic() - built:.0f}",
    )
    for service in ("score", "batch", "front"):
        record_figure(
            f"Bytes of the image of {service}, its base included",
            f"{engine.image_bytes(f'churn-{service}'):,}",
        )
    yield running
    running.compose("down", "--volumes")


def post(address: str, path: str, content: Any) -> tuple[int, Any]:
    request = urllib.request.Request(
        address + path, json.dumps(content).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_the_api_answers_with_the_library_s_scores(stack: ContainerStack, sample_bundle: Path) -> None:
    table = generate_sample_data(40, seed=3).drop(columns="Churn")
    customers = json.loads(table.to_json(orient="records"))
    expected = ChurnPredictor.load(sample_bundle).predict(customers)

    # All at once: an emulator would crash if it got two calls at a time.
    with ThreadPoolExecutor(8) as clients:
        answers = list(clients.map(lambda customer: post(stack.address, "/predict", customer), customers))

    assert answers == [(200, answer) for answer in expected]
    assert stack.inspect("score", "{{.RestartCount}}") == "0"
    record_figure(
        "Customers whose answer from the containers is the library's, asked by eight clients at a time",
        f"{len(answers)}",
    )


def test_refusals_have_the_template_s_status_codes(stack: ContainerStack) -> None:
    assert post(stack.address, "/predict", {"tenure": -1})[0] == 422
    assert post(stack.address, "/other", {})[0] == 403
    assert post(stack.address, "/predict", ["x" * 6 * 1024 * 1024])[0] == 413


def test_an_uploaded_file_is_scored(stack: ContainerStack, sample_bundle: Path) -> None:
    table, file = generate_sample_data(3_000, seed=4).drop(columns="Churn"), io.BytesIO()
    table.to_parquet(file)

    stack.s3().put_object(Bucket=INPUT_BUCKET, Key="incoming/last night.parquet", Body=file.getvalue())

    scored = pq.read_table(pa.BufferReader(stack.wait_for("scored/"))).to_pandas()
    expected = ChurnPredictor.load(sample_bundle).predict(json.loads(table.to_json(orient="records")))
    assert scored["customerID"].tolist() == table["customerID"].tolist()
    assert scored["churn_probability"].tolist() == [answer["churn_probability"] for answer in expected]
    record_figure(
        "Rows of a dropped file whose score from the containers is the library's", f"{len(scored):,}"
    )


def test_a_file_that_is_not_parquet_is_quarantined_and_its_content_is_not_logged(
    stack: ContainerStack,
) -> None:
    stack.s3().put_object(Bucket=INPUT_BUCKET, Key="incoming/garbage.parquet", Body=SECRET.encode())

    record = json.loads(stack.wait_for("quarantine/"))

    assert (record["code"], record["key"]) == ("not-parquet", "incoming/garbage.parquet")
    assert SECRET not in stack.compose("logs")


@pytest.mark.parametrize("service", ["score", "batch", "aws", "front"])
def test_containers_run_without_rights_and_can_only_write_to_tmp(
    stack: ContainerStack, engine: DockerEngine, service: str
) -> None:
    def write(path: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["docker", "exec", stack.container(service), "sh", "-c", f"id -u; echo x > {path}"],
            env=engine.environment | {"PATH": "/usr/local/bin:/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )

    folder = {"score": "/var/task", "batch": "/var/task"}.get(service, "/front")
    assert write("/tmp/x").returncode == 0
    refused = write(f"{folder}/x")
    assert (refused.returncode, refused.stdout) == (2, "993\n")
    assert "Read-only" in refused.stderr


def test_a_file_waits_in_the_queue_until_the_function_runs_again(stack: ContainerStack) -> None:
    """While the function is down, the queue keeps the file and delivers it again."""
    stack.compose("stop", "batch")
    table, file = generate_sample_data(5, seed=5).drop(columns="Churn"), io.BytesIO()
    table.to_parquet(file)
    before = len(stack.s3().list_objects_v2(Bucket=OUTPUT_BUCKET, Prefix="scored/")["Contents"])
    stack.s3().put_object(Bucket=INPUT_BUCKET, Key="incoming/late.parquet", Body=file.getvalue())
    deadline = time.monotonic() + PATIENCE_SECONDS
    while "delivers the file again" not in stack.compose("logs", "front"):
        assert time.monotonic() < deadline, stack.compose("logs")
        time.sleep(0.2)

    stack.compose("start", "batch")

    while len(stack.s3().list_objects_v2(Bucket=OUTPUT_BUCKET, Prefix="scored/")["Contents"]) == before:
        assert time.monotonic() < deadline, stack.compose("logs")
        time.sleep(0.2)
