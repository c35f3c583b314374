"""AWS clients for the commands; boto3 is an optional dependency and is imported only when a command runs."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from churn_core.errors import ChurnError
from functions.shared.aws_errors import error_code, error_summary

if TYPE_CHECKING:
    from collections.abc import Iterator


class AwsError(ChurnError):
    """AWS can't be reached, or refuses a request."""


def aws_client(service: str, timeout_seconds: int | None = None) -> Any:
    """Return boto3's client of a service.

    Parameters
    ----------
    service : str
    timeout_seconds : int, optional
        Wait this long for an answer, and do not retry; by default boto3's own timeout and retries.

    Raises
    ------
    AwsError
        If boto3 is not installed.
    """
    try:
        from functions.shared.storage import create_client
    except ModuleNotFoundError as error:
        if error.name not in ("boto3", "botocore"):
            raise
        raise AwsError("This command needs boto3; install it with 'pip install churn-stack[aws]'.") from None
    if timeout_seconds is None:
        return create_client(service)
    return create_client(service, read_timeout=timeout_seconds, retries={"total_max_attempts": 1})


@contextmanager
def typed_aws_errors() -> Iterator[None]:
    """Turn boto3's errors into `AwsError`."""
    try:
        yield
    except Exception as error:
        summary = error_summary(error)
        if summary is None:
            raise
        what = "the names and your rights" if error_code(error) else "credentials, region and network"
        raise AwsError(f"{summary}; check {what}.") from error


def split_address(address: str) -> tuple[str, str]:
    """Return bucket and key of ``s3://bucket/key``; both are empty if the address has another format."""
    bucket, _, key = address.removeprefix("s3://").partition("/")
    return (bucket, key) if address.startswith("s3://") and bucket else ("", "")
