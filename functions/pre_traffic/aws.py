"""Calls to Lambda and CodeDeploy; the only module of the hook that imports boto3."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, Literal

import boto3
from botocore.config import Config

from functions.pre_traffic.golden_rows import VersionRefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

Verdict = Literal["Succeeded", "Failed"]

READ_TIMEOUT_SECONDS: Final = 20
"""Twice the score function's time limit, since a cold start may come first."""
ATTEMPTS: Final = 2


def lambda_client() -> Any:
    """Return a Lambda client for the hook's region."""
    return _client("lambda", READ_TIMEOUT_SECONDS)


def codedeploy_client() -> Any:
    """Return a CodeDeploy client for the hook's region."""
    return _client("codedeploy", read_timeout=3)


def _client(service: str, read_timeout: int) -> Any:
    retries: Any = {"mode": "standard", "total_max_attempts": ATTEMPTS}
    return boto3.client(service, config=Config(connect_timeout=2, read_timeout=read_timeout, retries=retries))


def invoke_version(client: Any, version: str, event: Mapping[str, Any]) -> Any:
    """Invoke a version with an event, and return its answer.

    Parameters
    ----------
    client : client
        From `lambda_client`.
    version : str
        ARN.
    event : mapping

    Raises
    ------
    VersionRefusedError
        If the invocation fails inside the version.
    """
    answer = client.invoke(
        FunctionName=version, InvocationType="RequestResponse", Payload=json.dumps(event).encode()
    )
    content = answer["Payload"].read()
    if "FunctionError" in answer:
        raise VersionRefusedError(
            f"The version failed ({answer['FunctionError']}) on the golden rows; read its log."
        )
    return json.loads(content)


def report(client: Any, event: Mapping[str, Any], verdict: Verdict) -> None:
    """Report to CodeDeploy whether the version may receive requests.

    Parameters
    ----------
    client : client
        From `codedeploy_client`.
    event : mapping
        The event that CodeDeploy called the hook with.
    verdict : str
    """
    client.put_lifecycle_event_hook_execution_status(
        deploymentId=event["DeploymentId"],
        lifecycleEventHookExecutionId=event["LifecycleEventHookExecutionId"],
        status=verdict,
    )
