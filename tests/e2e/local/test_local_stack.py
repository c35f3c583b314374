"""`make local` as a user starts it: upload a file, find its scores, call the API, press Ctrl-C."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import boto3
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churn_core.data import generate_sample_data
from churn_core.scoring.predictor import ChurnPredictor
from infra.local.child_process import ChildProcess
from infra.local.tools import LambdaTools
from tests.child_output import wait_for_output

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import ExitStack

COMMAND: Final = [sys.executable, "-m", "infra.local.stack"]


class LocalStack(ChildProcess):
    """The running command."""

    def __init__(self, model: Path) -> None:
        super().__init__(
            [*COMMAND, "--model", model, "--port", "0", "--aws-port", "0"], stop_signal=signal.SIGINT
        )

    def start(self, stack: ExitStack) -> None:
        super().start(stack)
        wait_for_output(self, "The outcome of each file:")
        self.address = self.found(r"http://127\.0\.0\.1:\d+(?=/predict)")
        self.input_bucket = self.found(r"[^/]+(?=/incoming/)")
        self.output_bucket = self.found(r"\S+(?=/scored/)")
        self.variables = dict(part.split("=", 1) for part in self.found(r"(?<=export ).*").split())

    def found(self, pattern: str) -> str:
        found = re.search(pattern, self.output)
        assert found is not None, self.output
        return found[0]

    def s3(self) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=self.variables["AWS_ENDPOINT_URL"],
            region_name=self.variables["AWS_DEFAULT_REGION"],
            aws_access_key_id=self.variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.variables["AWS_SECRET_ACCESS_KEY"],
        )

    def wait_for_object(self, prefix: str) -> tuple[str, bytes]:
        """Return key and content of the only object under a prefix, as soon as it exists."""
        s3 = self.s3()
        found: list[dict[str, Any]] = []

        def is_there() -> bool:
            found[:] = s3.list_objects_v2(Bucket=self.output_bucket, Prefix=prefix).get("Contents", [])
            return bool(found)

        self.wait_until(is_there)
        (listed,) = found
        return listed["Key"], s3.get_object(Bucket=self.output_bucket, Key=listed["Key"])["Body"].read()


@pytest.fixture(scope="module")
def stack(lambda_tools: LambdaTools, sample_bundle: Path) -> Iterator[LocalStack]:
    with LocalStack(sample_bundle) as running:
        yield running


def post(address: str, path: str, content: Any) -> tuple[int, Any]:
    request = urllib.request.Request(
        address + path, json.dumps(content).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def customers(rows: int) -> pd.DataFrame:
    return generate_sample_data(rows, seed=3).drop(columns="Churn")


def test_an_uploaded_file_is_scored(stack: LocalStack, sample_bundle: Path) -> None:
    table, file = customers(300), io.BytesIO()
    table.to_parquet(file)

    stack.s3().put_object(Bucket=stack.input_bucket, Key="incoming/last night.parquet", Body=file.getvalue())

    _, content = stack.wait_for_object("scored/")
    scored = pq.read_table(pa.BufferReader(content)).to_pandas()
    expected = ChurnPredictor.load(sample_bundle).predict(json.loads(table.to_json(orient="records")))
    assert scored["customerID"].tolist() == table["customerID"].tolist()
    assert scored["churn_probability"].tolist() == [answer["churn_probability"] for answer in expected]


def test_churn_locate_finds_the_scores(stack: LocalStack) -> None:
    key, _ = stack.wait_for_object("scored/")
    found = subprocess.run(
        [
            sys.executable,
            "-m",
            "churn_core.cli",
            "locate",
            f"s3://{stack.input_bucket}/incoming/last night.parquet",
        ],
        env=os.environ | stack.variables,
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout == f"s3://{stack.output_bucket}/{key}  (300 rows, 300 scored, 0 rejected)\n"


def test_the_printed_curl_commands_work(stack: LocalStack, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed; install it to run this test.")
    customers(50).to_parquet(tmp_path / "customers.parquet")
    drop, score = re.findall(r"(?m)^  (curl .*)$", stack.output)

    def run(command: str) -> str:
        return subprocess.run(
            ["bash", "-c", f"{command} --silent --fail"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    assert run(drop) == ""
    assert 0 < json.loads(run(score))["churn_probability"] < 1
    address = wait_for_output(stack, r"50 rows, 0 rejected  (http://\S+)(?=\n)")[1]
    with urllib.request.urlopen(address) as scores:
        assert pq.read_table(pa.BufferReader(scores.read())).num_rows == 50


def test_the_printed_backfill_command_scores_a_prefix(stack: LocalStack) -> None:
    for number, rows in enumerate((40, 60)):
        part = io.BytesIO()
        customers(rows).to_parquet(part)
        stack.s3().put_object(
            Bucket=stack.input_bucket, Key=f"backfill/part-{number}.parquet", Body=part.getvalue()
        )
    (command,) = re.findall(r"(?m)^  churn (backfill .*)$", stack.output)

    done = subprocess.run(
        [sys.executable, "-m", "churn_core.cli", *command.split()],
        env=os.environ | stack.variables,
        capture_output=True,
        text=True,
        check=True,
    )

    counts, address = done.stdout.splitlines()
    assert counts == "2 of 2 parts scored: 100 rows, 100 scored, 0 rejected."
    key = address.removeprefix(f"s3://{stack.output_bucket}/")
    body = stack.s3().get_object(Bucket=stack.output_bucket, Key=key)["Body"]
    assert [part["rows"] for part in json.load(body)["outputs"]] == [40, 60]


def test_a_file_that_is_not_parquet_is_quarantined(stack: LocalStack) -> None:
    stack.s3().put_object(Bucket=stack.input_bucket, Key="incoming/garbage.parquet", Body=b"SSN-111-22-3333")

    _, content = stack.wait_for_object("quarantine/")

    record = json.loads(content)
    assert (record["code"], record["key"]) == ("not-parquet", "incoming/garbage.parquet")


def test_the_api_answers_like_api_gateway(stack: LocalStack, sample_bundle: Path) -> None:
    (customer,) = json.loads(customers(1).to_json(orient="records"))

    status, answer = post(stack.address, "/predict", customer)

    assert (status, answer) == (200, ChurnPredictor.load(sample_bundle).predict([customer])[0])
    assert post(stack.address, "/predict", {"tenure": -1})[0] == 422
    assert post(stack.address, "/other", {})[0] == 403
    assert post(stack.address, "/predict", ["x" * 6 * 1024 * 1024])[0] == 413


def children_of(pid: int) -> set[int]:
    found: set[int] = set()
    with suppress(OSError):  # It may have ended in the meantime.
        for thread in Path(f"/proc/{pid}/task").iterdir():
            found |= {int(child) for child in (thread / "children").read_text().split()}
    return found.union(*(children_of(child) for child in found))


def is_scoring(pid: int) -> bool:
    with suppress(OSError):
        return b"scoring_child" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def wait_until_ended(pid: int) -> None:
    """Wait until a killed process is gone; one that nobody waits for keeps its id for a moment."""
    with suppress(OSError):
        while Path(f"/proc/{pid}/cmdline").read_bytes():
            time.sleep(0.01)


def test_ctrl_c_during_scoring_stops_all_processes(stack: LocalStack) -> None:
    large, file = pa.Table.from_pandas(customers(3_000)), io.BytesIO()
    pq.write_table(pa.concat_tables([large] * 1_000), file)
    stack.s3().put_object(Bucket=stack.input_bucket, Key="incoming/large.parquet", Body=file.getvalue())
    while not any(is_scoring(child) for child in children_of(stack.pid)):
        pass
    running = {child for child in children_of(stack.pid) if Path(f"/proc/{child}").exists()}
    assert running

    assert stack.stop() == 0, stack.output

    assert "Traceback" not in stack.output
    assert "SSN-111-22-3333" not in stack.output
    assert "300 rows, 0 rejected" in stack.output
    for child in running:
        wait_until_ended(child)
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(stack.address + "/health")


def test_without_a_model_the_message_says_what_to_do(tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "--model", str(tmp_path / "none")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "make demo" in done.stderr
