"""Calls to Lambda and CodeDeploy; the only module of the hook that imports boto3."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

import boto3
from botocore.config import Config

from functions.pre_traffic.golden_rows import VersionRefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

Verdict = Literal["Succeeded", "Failed"]

READ_TIMEOUT_SECONDS: Final = 20
"""Twice the score function's time limit, since a cold start may come first."""
ATTEMPTS: Final = 2


class LambdaClient(Protocol):
    """The part of boto3's Lambda client that is used."""

    def invoke(self, **arguments: Any) -> dict[str, Any]:
        """Call a function."""


class CodeDeployClient(Protocol):
    """The part of boto3's CodeDeploy client that is used."""

    def put_lifecycle_event_hook_execution_status(self, **arguments: Any) -> dict[str, Any]:
        """Report the result of a hook."""


def lambda_client() -> LambdaClient:
    """Return a Lambda client for the hook's region."""
    client: LambdaClient = boto3.client("lambda", config=_config(READ_TIMEOUT_SECONDS))
    return client


def codedeploy_client() -> CodeDeployClient:
    """Return a CodeDeploy client for the hook's region."""
    client: CodeDeployClient = boto3.client("codedeploy", config=_config(read_timeout=3))
    return client


def _config(read_timeout: int) -> Config:
    return Config(
        connect_timeout=2,
        read_timeout=read_timeout,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
    )


def invoke_version(client: LambdaClient, version: str, event: Mapping[str, Any]) -> Any:
    """Invoke a version with an event, and return its answer.

    Parameters
    ----------
    client : LambdaClient
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


def report(client: CodeDeployClient, event: Mapping[str, Any], verdict: Verdict) -> None:
    """Report to CodeDeploy whether the version may receive requests.

    Parameters
    ----------
    client : CodeDeployClient
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
