"""AWS for the commands: the one place of them that knows boto3, and that only when they run."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from churn_core.errors import ChurnError

if TYPE_CHECKING:
    from collections.abc import Iterator


class AwsError(ChurnError):
    """AWS can't be reached, or refuses."""


def aws_client(service: str, patience_seconds: int | None = None) -> Any:
    """Return boto3's client of a service.

    Parameters
    ----------
    service : str
    patience_seconds : int, optional
        To wait for one answer, and then to ask no second time; by default as boto3 does.

    Raises
    ------
    AwsError
        If boto3 is not installed.
    """
    try:
        import boto3
    except ModuleNotFoundError:
        raise AwsError(
            "This command speaks to AWS; install it with 'pip install churn-stack[aws]'."
        ) from None
    if patience_seconds is None:
        return boto3.client(service)
    from botocore.config import Config

    return boto3.client(
        service, config=Config(read_timeout=patience_seconds, retries={"total_max_attempts": 1})
    )


@contextmanager
def typed_aws_errors() -> Iterator[None]:
    """Say in one sentence what AWS, or the way to it, refuses."""
    try:
        yield
    except Exception as error:
        told = _sentence(error)
        if told is None:
            raise
        raise AwsError(told) from error


def _sentence(error: Exception) -> str | None:
    try:
        from botocore.exceptions import BotoCoreError, ClientError
    except ModuleNotFoundError:
        return None
    if isinstance(error, ClientError):
        code, operation = error.response["Error"]["Code"], error.operation_name
        return f"AWS answered {code} to {operation}; check names and rights."
    if isinstance(error, BotoCoreError):
        return f"AWS can't be reached ({type(error).__name__}); check credentials, region and network."
    return None
