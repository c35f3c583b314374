"""Random schedules on the S3 in memory and on moto: 10,000 and hundreds in `make proof`."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import boto3
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from functions.batch.scoring_task import INPUT_FILE, OUTPUT_FILE, ScoredFile
from functions.batch.settings import BatchFunctionSettings
from functions.shared.outcomes import NotScoredError, Outcome
from tests.functional.batch.batch_stack import INPUT, OUTPUT
from tests.functional.batch.interruptions.model_s3 import ModelS3
from tests.functional.batch.interruptions.schedules import Model, Schedule
from tests.proof_figures import cases, record_figure

if TYPE_CHECKING:
    from collections.abc import Mapping

DIGESTS = ("a" * 64, "b" * 64)


class Stamp:
    """A fast stand-in for scoring: the output is the model's digest and the input; some inputs fail."""

    def __init__(self, digest: str) -> None:
        self.digest = digest

    def score(self, folder: Path, metadata: Mapping[str, str], seconds: float) -> ScoredFile:
        content = (folder / INPUT_FILE).read_bytes()
        if content.startswith(b"garbage"):
            raise NotScoredError(Outcome.NOT_PARQUET, "It is not Parquet.")
        if content.startswith(b"crash"):
            raise NotScoredError(Outcome.READER_CRASH, "It died.")
        (folder / OUTPUT_FILE).write_bytes(self.stamped(content))
        return ScoredFile(3, 2, 1, 0, {"missing": 1}, {}, None)

    def stamped(self, content: bytes) -> bytes:
        return self.digest.encode() + content

    def expected(self, content: bytes, output: bytes) -> bool:
        return output == self.stamped(content)


def function_settings(folder: Path) -> BatchFunctionSettings:
    return BatchFunctionSettings(
        model_dir=folder,
        input_bucket=INPUT,
        output_bucket=OUTPUT,
        max_object_bytes=10**9,
        max_rows=10**9,
        memory_mb=1024,
        announces=False,
        work_dir=folder / "work",
    )


class ScheduleOnModel(Schedule):
    """Schedules on the S3 in memory."""

    contents: ClassVar = {"good": b"good", "other": b"other", "garbage": b"garbage", "crash": b"crash"}
    ran: ClassVar = {}

    def s3_client(self) -> Any:
        return ModelS3()

    def output_bodies(self) -> dict[str, list[bytes]]:
        found: dict[str, list[bytes]] = self.s3.client.bodies(OUTPUT)
        return found


class Renamed:
    """An S3 client that gives each schedule its own buckets."""

    def __init__(self, client: Any, suffix: str) -> None:
        self._client = client
        self._suffix = suffix

    def __getattr__(self, name: str) -> Any:
        def call(**arguments: Any) -> Any:
            bucket = "in" if arguments["Bucket"] == INPUT else "out"
            return getattr(self._client, name)(**{**arguments, "Bucket": f"{bucket}-{self._suffix}"})

        return call


class ScheduleOnMoto(ScheduleOnModel):
    """Schedules on moto, over HTTP."""

    client: ClassVar[Any] = None
    ran: ClassVar = {}

    def s3_client(self) -> Any:
        renamed = Renamed(self.client, str(uuid.uuid4()))
        for bucket in (INPUT, OUTPUT):
            renamed.create_bucket(Bucket=bucket)
            renamed.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        return renamed

    def output_bodies(self) -> dict[str, list[bytes]]:
        listed = self.s3.client.list_object_versions(Bucket=OUTPUT).get("Versions", [])
        found: dict[str, list[bytes]] = {}
        # The newest comes first.
        for version in reversed(listed):
            which = {"Key": version["Key"], "VersionId": version["VersionId"]}
            body = self.s3.client.get_object(Bucket=OUTPUT, **which)["Body"].read()
            found.setdefault(version["Key"], []).append(body)
        return found


def run(machine: type[ScheduleOnModel], folder: Path, examples: int, where: str) -> None:
    stamps = [Stamp(digest) for digest in DIGESTS]
    machine.models = [Model(stamp.digest, stamp, stamp.expected) for stamp in stamps]
    machine.settings = function_settings(folder)
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=15,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
    assert machine.ran["schedules"] >= examples
    record_figure(
        f"Random schedules on {where}: nothing lost, doubled or partial",
        f"{machine.ran['schedules']:,} ({machine.ran['deliveries']:,} calls to S3)",
    )


@pytest.mark.timeout(7_200)
def test_random_schedules_on_the_s3_in_memory_lose_and_double_nothing(tmp_path: Path) -> None:
    run(ScheduleOnModel, tmp_path, cases(300, "CHURN_MODEL_SCHEDULES"), "the S3 in memory")


@pytest.fixture
def moto_client(endpoint: str) -> Any:
    credentials = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", **credentials)


@pytest.mark.timeout(7_200)
def test_random_schedules_on_moto_lose_and_double_nothing(moto_client: Any, tmp_path: Path) -> None:
    ScheduleOnMoto.client = moto_client
    run(ScheduleOnMoto, tmp_path, cases(15, "CHURN_MOTO_SCHEDULES"), "moto's S3")
