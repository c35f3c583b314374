"""The state machine under moto's interpreter, with the real handlers behind its Lambda tasks."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import boto3

from functions.backfill import app as backfill_app
from functions.batch import app as batch_app
from tests.functional.batch.batch_stack import OUTPUT, BatchStack, Context, Put

if TYPE_CHECKING:
    from collections.abc import Callable

STACK: Final = "churn-dev"
ROLE: Final = "arn:aws:iam::123456789012:role/backfill"
BATCH, BACKFILL = f"{STACK}-batch", f"{STACK}-backfill"
PREFIX: Final = "backfill/2026-11/"

Event = dict[str, Any]
_PATIENCE_SECONDS: Final = 60


class Killed(BaseException):
    """The environment ended in the middle of a call, as by SIGKILL."""


@dataclass
class RunStack:
    """The state machine and the functions behind it.

    Attributes
    ----------
    batch : BatchStack
        Both buckets and the batch function.
    machine : str
        The state machine's ARN.
    calls : list
        Of the functions so far, as name and event.
    errors : set of str
        Types of the errors by which calls have ended.
    before_call : callable or None
        Called with name and event before each call; what it raises ends the call.
    """

    batch: BatchStack
    machine: str
    calls: list[tuple[str, Event]] = field(default_factory=list)
    before_call: Callable[[str, Event], None] | None = None
    errors: set[str] = field(default_factory=set)
    # One environment of each function: it takes one call at a time.
    _one_at_a_time: dict[str, threading.Lock] = field(
        default_factory=lambda: {name: threading.Lock() for name in (BATCH, BACKFILL)}
    )

    def answer(self, function: str, event: Event) -> tuple[str, bool]:
        """Call a handler as Lambda does; return what Step Functions sees, and whether it is an error."""
        handler = batch_app.lambda_handler if function == BATCH else backfill_app.lambda_handler
        with self._one_at_a_time[function]:
            self.calls.append((function, event))
            try:
                if self.before_call is not None:
                    self.before_call(function, event)
                return json.dumps(handler(event, Context())), False  # type: ignore[arg-type]
            except Killed:
                told = {
                    "errorType": "Runtime.ExitError",
                    "errorMessage": "RequestId: 1 Error: signal: killed",
                }
            except Exception as error:  # noqa: BLE001
                told = {"errorType": type(error).__name__, "errorMessage": str(error)}
        self.errors.add(told["errorType"])
        return json.dumps(told), True

    def put(self, *bodies: bytes, prefix: str = PREFIX) -> list[Put]:
        """Put parts."""
        return [
            self.batch.put(body, f"{prefix}part-{number:04d}.parquet") for number, body in enumerate(bodies)
        ]

    def start(self, name: str = "run-1", prefix: str = PREFIX, **more: Any) -> str:
        """Start an execution; return its ARN."""
        arn: str = boto3.client("stepfunctions").start_execution(
            stateMachineArn=self.machine, name=name, input=json.dumps({"prefix": prefix, **more})
        )["executionArn"]
        return arn

    def ended(self, arn: str) -> dict[str, Any]:
        """Wait for the end of an execution; return its description."""
        client, deadline = boto3.client("stepfunctions"), time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            told: dict[str, Any] = client.describe_execution(executionArn=arn)
            if told["status"] != "RUNNING":
                return told
            time.sleep(0.1)
        raise AssertionError("the execution does not end")

    def run(self, name: str = "run-1", **more: Any) -> dict[str, Any]:
        """Run to the end, which must be a good one; return the output."""
        told = self.ended(self.start(name, **more))
        assert told["status"] == "SUCCEEDED", told
        output: dict[str, Any] = json.loads(told["output"])
        return output

    def manifest(self, run: dict[str, Any]) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.object(run["manifest_key"]))
        return content

    def object(self, key: str) -> bytes:
        content: bytes = self.batch.s3.get_object(Bucket=OUTPUT, Key=key)["Body"].read()
        return content

    def listing(self) -> dict[str, tuple[str, ...]]:
        """Return what is in the output bucket: by key, the etag of each version."""
        found = self.batch.s3.list_object_versions(Bucket=OUTPUT)
        assert "DeleteMarkers" not in found
        versions: dict[str, tuple[str, ...]] = {}
        for version in found.get("Versions", []):
            versions[version["Key"]] = (*versions.get(version["Key"], ()), version["ETag"])
        return versions

    def empty_outputs(self) -> None:
        """Take away all that runs have written."""
        for version in self.batch.s3.list_object_versions(Bucket=OUTPUT).get("Versions", []):
            self.batch.s3.delete_object(Bucket=OUTPUT, Key=version["Key"], VersionId=version["VersionId"])

    def scored_parts(self) -> list[str]:
        """Return the keys of the parts for which the batch function was called."""
        return [event["backfill"]["part"]["key"] for name, event in self.calls if name == BATCH]
