"""The state machine under moto's interpreter, with the real handlers behind its Lambda tasks."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import boto3

from functions.backfill import app as backfill_app
from functions.batch import app as batch_app
from tests.functional.batch.batch_stack import OUTPUT, BatchStack, Context, Put
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

STACK: Final = "churn-dev"
ROLE: Final = "arn:aws:iam::123456789012:role/backfill"
BATCH, BACKFILL = f"{STACK}-batch", f"{STACK}-backfill"
PREFIX: Final = "backfill/2026-11/"

Event = dict[str, Any]


class Killed(BaseException):
    """The environment ended during a call, as after SIGKILL."""


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
        Calls of the functions so far: name and event.
    errors : set of str
        Types of the errors that ended calls.
    before_call : callable or None
        Called with name and event before each call; an exception ends the call.
    """

    batch: BatchStack
    machine: str
    calls: list[tuple[str, Event]] = field(default_factory=list)
    before_call: Callable[[str, Event], None] | None = None
    errors: set[str] = field(default_factory=set)
    # Each function has one environment here, which handles one call at a time.
    _one_at_a_time: dict[str, threading.Lock] = field(
        default_factory=lambda: {name: threading.Lock() for name in (BATCH, BACKFILL)}
    )

    def answer(self, function: str, event: Event) -> tuple[str, bool]:
        """Call a handler as Lambda does; return the answer as JSON, and whether it is an error."""
        handler = batch_app.lambda_handler if function == BATCH else backfill_app.lambda_handler
        with self._one_at_a_time[function]:
            self.calls.append((function, event))
            try:
                if self.before_call is not None:
                    self.before_call(function, event)
                return json.dumps(handler(event, Context())), False  # type: ignore[arg-type]
            except Killed:
                failure = {
                    "errorType": "Runtime.ExitError",
                    "errorMessage": "RequestId: 1 Error: signal: killed",
                }
            except Exception as error:  # noqa: BLE001
                failure = {"errorType": type(error).__name__, "errorMessage": str(error)}
        self.errors.add(failure["errorType"])
        return json.dumps(failure), True

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
        """Wait until an execution ends, as long as the functions are called; return its description."""
        client = boto3.client("stepfunctions")

        def description() -> dict[str, Any] | None:
            found: dict[str, Any] = client.describe_execution(executionArn=arn)
            return None if found["status"] == "RUNNING" else found

        return wait_for(description, progress=lambda: len(self.calls))

    def run(self, name: str = "run-1", **more: Any) -> dict[str, Any]:
        """Run to the end, which must be a success; return the output."""
        ended = self.ended(self.start(name, **more))
        assert ended["status"] == "SUCCEEDED", ended
        output: dict[str, Any] = json.loads(ended["output"])
        return output

    def manifest(self, run: dict[str, Any]) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.object(run["manifest_key"]))
        return content

    def object(self, key: str) -> bytes:
        content: bytes = self.batch.s3.get_object(Bucket=OUTPUT, Key=key)["Body"].read()
        return content

    def listing(self) -> dict[str, tuple[str, ...]]:
        """Return the output bucket's content: by key, the etag of each version."""
        found = self.batch.s3.list_object_versions(Bucket=OUTPUT)
        assert "DeleteMarkers" not in found
        versions: dict[str, tuple[str, ...]] = {}
        for version in found.get("Versions", []):
            versions[version["Key"]] = (*versions.get(version["Key"], ()), version["ETag"])
        return versions

    def empty_outputs(self) -> None:
        """Delete everything that runs have written."""
        for version in self.batch.s3.list_object_versions(Bucket=OUTPUT).get("Versions", []):
            self.batch.s3.delete_object(Bucket=OUTPUT, Key=version["Key"], VersionId=version["VersionId"])

    def scored_parts(self) -> list[str]:
        """Return the keys of the parts for which the batch function was called."""
        return [event["backfill"]["part"]["key"] for name, event in self.calls if name == BATCH]
